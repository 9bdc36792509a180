import { GatewayError, type Ledger, type ReserveRequest } from '@lazu/core'
import * as fc from 'fast-check'
import { expect } from 'vitest'
import type { Expected, LedgerModel } from './ledger-model.js'

type LedgerCommand = fc.AsyncCommand<LedgerModel, Ledger>

const accounts = ['acme', '__proto__']
const hourMs = 3_600_000

const anId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '__proto__', 'constructor')
const anAccount = fc.constantFrom(...accounts)
// Small numbers meet their bounds often.
const anAmount = fc.integer({ min: 0, max: 10 })
const aTtlMs = fc.integer({ min: 1, max: 2_000 })
const aCap = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined })
/** Each step is also done twice in a row, as by somebody who did not hear the first answer. */
const times = fc.constantFrom(1, 1, 2)

const aRequest: fc.Arbitrary<ReserveRequest> = fc.record({
  id: anId,
  account: anAccount,
  key: fc.constantFrom('k1', 'k2', '__proto__'),
  amount: anAmount,
  caps: fc.option(fc.record({ total: aCap, day: aCap, month: aCap }), { nil: undefined }),
  ttlMs: aTtlMs,
})

const reserve = fc.tuple(aRequest, times).map(([request, count]) =>
  step(`reserve(${fc.stringify(request)})`, count, async (model, ledger) => {
    const named = { ...request, id: model.idOf(request.id) }
    return [await outcomeOf(() => ledger.reserve(named)), model.reserve(named)]
  }),
)

const settle = fc.tuple(anId, fc.integer({ min: 0, max: 12 }), times).map(([id, amount, count]) =>
  step(`settle(${id}, ${amount})`, count, async (model, ledger) => {
    const name = model.idOf(id)
    return [await ledger.settle(name, amount), model.settle(name, amount)]
  }),
)

const release = fc.tuple(anId, times).map(([id, count]) =>
  step(`release(${id})`, count, async (model, ledger) => {
    const name = model.idOf(id)
    return [await ledger.release(name), model.release(name)]
  }),
)

const extend = fc.tuple(anId, aTtlMs, times).map(([id, ttlMs, count]) =>
  step(`extend(${id}, ${ttlMs})`, count, async (model, ledger) => {
    const name = model.idOf(id)
    return [await ledger.extend(name, ttlMs), model.extend(name, ttlMs)]
  }),
)

const credit = fc
  .tuple(anAccount, anAmount, fc.constantFrom('x', 'y', 'z', 'valueOf'), times)
  .map(([account, amount, reference, count]) =>
    step(`credit(${account}, ${amount}, ${reference})`, count, async (model, ledger) => {
      const actual = await ledger.credit(account, amount, reference)
      return [actual, model.credit(account, amount, reference)]
    }),
  )

const aWhile = fc.integer({ min: 1, max: 800 }).map(advance)
const hoursOrDays = fc.constantFrom(hourMs, 13 * hourMs, 20 * 24 * hourMs).map(advance)

/** Everything that can be done to a ledger, the passing of time included. */
const aCommand: fc.Arbitrary<LedgerCommand> = fc.oneof(
  { weight: 6, arbitrary: reserve },
  { weight: 3, arbitrary: settle },
  { weight: 1, arbitrary: release },
  { weight: 2, arbitrary: extend },
  { weight: 1, arbitrary: credit },
  { weight: 3, arbitrary: aWhile },
  { weight: 1, arbitrary: hoursOrDays },
)

/** A story of what happens to a ledger, which begins with something to spend. */
export const ledgerCommands: fc.Arbitrary<Iterable<LedgerCommand>> = fc.commands([aCommand], {
  maxCommands: 60,
  size: 'max',
})

/** What the accounts have when a story begins. */
export async function fund(model: LedgerModel, ledger: Ledger): Promise<void> {
  for (const account of accounts) {
    model.credit(account, 20, 'start')
    await ledger.credit(account, 20, 'start')
  }
}

function advance(ms: number): LedgerCommand {
  return step(`advance(${ms})`, 1, async (model) => [undefined, model.advance(ms)])
}

function step(
  name: string,
  count: number,
  run: (
    model: LedgerModel,
    ledger: Ledger,
  ) => Promise<readonly [actual: unknown, expected: unknown]>,
): LedgerCommand {
  return {
    check: () => true,
    async run(model, ledger) {
      for (let done = 0; done < count; done++) {
        const [actual, expected] = await run(model, ledger)
        expect(actual).toEqual(expected)
      }
      await expectInvariants(model, ledger)
    },
    toString: () => (count === 1 ? name : `${count} x ${name}`),
  }
}

async function expectInvariants(model: LedgerModel, ledger: Ledger): Promise<void> {
  for (const ended of model.ended()) {
    // What ended stays as it ended, whoever comes late.
    expect(await ledger.settle(ended.id, 7)).toEqual(ended)
    expect(await ledger.release(ended.id)).toEqual(ended)
    expect(await ledger.extend(ended.id, 1_000)).toBe(false)
  }
  for (const account of accounts) {
    const balance = await ledger.balance(account)
    expect(balance).toEqual(model.balance(account))
    expect(balance.available).toBe(balance.granted - balance.settled - balance.held)
    expect(balance.available).toBeGreaterThanOrEqual(model.leastAvailable(account))
  }
}

async function outcomeOf<T>(action: () => T | Promise<T>): Promise<Expected<T>> {
  try {
    return { value: await action() }
  } catch (error) {
    if (GatewayError.is(error)) return { condition: error.condition }
    throw error
  }
}
