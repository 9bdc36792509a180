import type { Ledger, Movement, UsageQuery } from '@lazu/core'
import { expect } from 'vitest'
import type { LedgerModel } from './ledger-model.js'

/** The accounts a story is about. */
export const storyAccounts: readonly string[] = ['acme', '__proto__']
/** The keys a story is about. */
export const storyKeys: readonly string[] = ['k1', 'k2', '__proto__']

/** For how many days a ledger must at least remember what was spent. */
const usageDays = 92

/** What is true of a ledger after every step. */
export async function expectInvariants(model: LedgerModel, ledger: Ledger): Promise<void> {
  for (const ended of model.ended()) {
    // What ended stays as it ended, whoever comes late.
    expect(await ledger.settle(ended.id, 7)).toEqual(ended)
    expect(await ledger.release(ended.id)).toEqual(ended)
    expect(await ledger.extend(ended.id, 1_000)).toBe(false)
    expectMovements(await ledger.movements(ended.id), model.movements(ended.id))
  }
  for (const account of storyAccounts) {
    const balance = await ledger.balance(account)
    expect(balance).toEqual(model.balance(account))
    expect(balance.available).toBe(balance.granted - balance.settled - balance.held)
    expect(balance.available).toBeGreaterThanOrEqual(model.leastAvailable(account))

    const query: UsageQuery = { account, ...lately(model), by: 'day' }
    const days = await ledger.usage(query)
    expect(days).toEqual(model.usage(query))
    // What was charged earlier, a ledger may have let go.
    const to = model.dateBefore(usageDays + 1)
    const earlier = model.usage({ ...query, from: '2000-01-01', to })
    expect(sumOf(earlier) + sumOf(days)).toBe(balance.settled)
  }
}

/** Asks for what was spent in every way there is. */
export async function expectUsage(model: LedgerModel, ledger: Ledger): Promise<void> {
  const spenders = [
    ...storyAccounts.map((account) => ({ account })),
    ...storyKeys.map((key) => ({ key })),
  ]
  for (const spender of spenders) {
    for (const by of ['day', 'model', 'key'] as const) {
      const query: UsageQuery = { ...spender, ...lately(model), by }
      expect(await ledger.usage(query)).toEqual(model.usage(query))
    }
  }
}

function lately(model: LedgerModel): { from: string; to: string } {
  return { from: model.dateBefore(usageDays), to: model.dateBefore(0) }
}

function sumOf(sums: readonly { readonly amount: number }[]): number {
  return sums.reduce((total, { amount }) => total + amount, 0)
}

/** An expiry may be told with any time from when it was due to when somebody first looked. */
function expectMovements(actual: readonly Movement[], expected: readonly Movement[]): void {
  const isExpired = expected.at(-1)?.kind === 'expired'
  if (!isExpired) {
    expect(actual).toEqual(expected)
    return
  }
  const [made, end] = actual
  expect(actual).toEqual([expected[0], { ...expected[1], atMs: end?.atMs }])
  expect(end?.atMs).toBeGreaterThan(made?.atMs ?? Infinity)
  expect(end?.atMs).toBeLessThanOrEqual(expected[1]?.atMs ?? 0)
}
