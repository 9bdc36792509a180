import type { Ledger } from '@lazu/core'
import { describeWithPostgres } from '@lazu/testkit'
import type { Pool } from 'pg'
import { expect, it } from 'vitest'
import { countsOf, outcomeOf, request } from './outcomes.js'
import { useStores } from './stores.js'

describeWithPostgres('A ledger that several processes use at once', (server) => {
  const stores = useStores(server)

  /** Ledgers on one schema, each with a pool of its own, and a pool to look into the tables. */
  async function ledgersOf(
    count: number,
  ): Promise<{ ledgers: Ledger[]; pool: Pool; schema: string }> {
    const schema = stores.newSchema()
    const opened = await Promise.all(Array.from({ length: count }, () => stores.open({ schema })))
    return { ledgers: opened.map(({ ledger }) => ledger), pool: stores.pool(), schema }
  }

  it('holds exactly what a balance covers', async () => {
    const { ledgers } = await ledgersOf(5)
    await ledgers[0]?.credit('acme', 1_000, 'c1')
    const outcomes = await everywhere(ledgers, 50, (ledger, index) =>
      outcomeOf(() =>
        ledger.reserve(request({ id: `r${index}`, key: `k${index % 3}`, amount: 40 })),
      ),
    )
    expect(countsOf(outcomes)).toEqual({ done: 25, insufficient_quota: 225 })
    const money = { granted: 1_000, settled: 0, held: 1_000, available: 0 }
    expect(await ledgers[1]?.balance('acme')).toEqual(money)
  })

  it('holds exactly what the cap of a key leaves, whichever account pays', async () => {
    const { ledgers } = await ledgersOf(5)
    for (const account of ['acme', 'other', 'third']) await ledgers[0]?.credit(account, 10_000, 'c')
    const outcomes = await everywhere(ledgers, 50, (ledger, index) => {
      const account = ['acme', 'other', 'third'][index % 3] ?? 'acme'
      const reserve = request({ id: `r${index}`, account, amount: 40, caps: { day: 1_000 } })
      return outcomeOf(() => ledger.reserve(reserve))
    })
    expect(countsOf(outcomes)).toEqual({ done: 25, key_quota_exceeded: 225 })
  })

  it('gives one reservation to all who reserve one id', async () => {
    const { ledgers } = await ledgersOf(5)
    await ledgers[0]?.credit('acme', 100, 'c1')
    const reserved = await everywhere(ledgers, 10, (ledger) =>
      ledger.reserve(request({ amount: 60 })),
    )
    expect(new Set(reserved.map(({ amount }) => amount))).toEqual(new Set([60]))
    expect((await ledgers[0]?.balance('acme'))?.held).toBe(60)
  })

  it('gives an id to one of several accounts that reserve it', async () => {
    const { ledgers } = await ledgersOf(5)
    const accounts = ['a0', 'a1', 'a2', 'a3', 'a4']
    for (const account of accounts) await ledgers[0]?.credit(account, 100, 'c1')
    for (let round = 0; round < 10; round++) {
      const outcomes = await everywhere(ledgers, 1, (ledger, index) => {
        const account = accounts[index] ?? ''
        return outcomeOf(() => ledger.reserve(request({ id: `r${round}`, account, amount: 2 })))
      })
      expect(countsOf(outcomes)).toEqual({ done: 1, quota_conflict: 4 })
    }
    const balances = await Promise.all(
      accounts.map(async (account) => ledgers[0]?.balance(account)),
    )
    expect(balances.reduce((sum, balance) => sum + (balance?.held ?? 0), 0)).toBe(20)
  })

  it('ends a reservation once, whoever settles and releases it while it expires', async () => {
    const { ledgers } = await ledgersOf(5)
    await ledgers[0]?.credit('acme', 1_000_000, 'c1')
    const endings = new Set<string>()
    let charged = 0
    for (let round = 0; round < 20; round++) {
      const id = `r${round}`
      await ledgers[0]?.reserve(request({ id, amount: 50, ttlMs: 1 + (round % 5) }))
      const ends = await everywhere(ledgers, 4, (ledger, index) =>
        index % 2 === 0 ? ledger.settle(id, 20 + index) : ledger.release(id),
      )
      expect(ends).toEqual(ends.map(() => ends[0]))
      expect(ends[0]).toBeDefined()
      endings.add(ends[0]?.ended ?? '')
      charged += ends[0]?.amount ?? 0
      expect(await ledgers[0]?.movements(id)).toHaveLength(2)
    }
    const money = { granted: 1_000_000, settled: charged, held: 0, available: 1_000_000 - charged }
    expect(await ledgers[0]?.balance('acme')).toEqual(money)
    expect([...endings]).not.toContain('')
  })

  it('adds a credit once', async () => {
    const { ledgers } = await ledgersOf(5)
    await everywhere(ledgers, 20, (ledger) => ledger.credit('acme', 100, 'c1'))
    expect((await ledgers[0]?.balance('acme'))?.granted).toBe(100)
  })

  it('makes nobody wait in a circle, and its sums stay those of its movements', async () => {
    const { ledgers, pool, schema } = await ledgersOf(5)
    const names = [0, 1, 2, 3]
    for (const n of names) await ledgers[0]?.credit(`a${n}`, 100_000, 'c1')
    await everywhere(ledgers, 120, async (ledger, index) => {
      const id = `r${index}`
      const account = `a${index % 4}`
      // Some end by themselves, and those who come later end them with whatever keys they have.
      const ttlMs = index % 3 === 0 ? 1 : 60_000
      const key = `k${(index * 7) % 5}`
      await ledger.reserve(request({ id, account, key, amount: 3, ttlMs, caps: { total: 1e9 } }))
      if (index % 5 === 0) await ledger.extend(id, 60_000)
      if (index % 2 === 0) await ledger.settle(id, 2)
      else if (index % 7 === 0) await ledger.release(id)
    })
    const { rows } = await pool.query(
      `SELECT
        (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())::int AS deadlocks,
        (SELECT count(*)::int FROM ${schema}.accounts a WHERE held <> coalesce((SELECT sum(amount)
          FROM ${schema}.reservations WHERE account = a.number AND ended IS NULL), 0)) AS accounts,
        (SELECT count(*)::int FROM ${schema}.spending k WHERE held <> coalesce((SELECT sum(amount)
          FROM ${schema}.reservations WHERE key = k.number AND ended IS NULL), 0)
          OR spent <> (SELECT sum(charged) FROM ${schema}.reservations
          WHERE key = k.number)) AS keys,
        (SELECT sum(settled) = (SELECT sum(charged) FROM ${schema}.reservations)
          AND sum(settled) = (SELECT sum(amount) FROM ${schema}.usage)
          FROM ${schema}.accounts) AS same`,
    )
    expect(rows).toEqual([{ deadlocks: 0, accounts: 0, keys: 0, same: true }])
  })
})

/** Runs a step many times on each ledger, all at once. */
function everywhere<T>(
  ledgers: readonly Ledger[],
  times: number,
  step: (ledger: Ledger, index: number) => T | Promise<T>,
): Promise<T[]> {
  const all = Array.from({ length: times * ledgers.length }, async (_, index) => {
    const ledger = ledgers[index % ledgers.length]
    if (ledger === undefined) throw new Error('there is no ledger')
    return step(ledger, index)
  })
  return Promise.all(all)
}
