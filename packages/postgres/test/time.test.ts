import { describeWithPostgres } from '@lazu/testkit'
import { expect, it, vi } from 'vitest'
import { outcomeOf, request } from './outcomes.js'
import { useStores } from './stores.js'

const hourMs = 3_600_000

describeWithPostgres('The time of a ledger', (server) => {
  const stores = useStores(server)

  it.for([-hourMs, hourMs])('is the same for a server whose clock is off by %i', async (offMs) => {
    const { ledger } = await stores.open()
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request({ id: 'right', amount: 60 }))
    await withClockOffBy(offMs, async () => {
      expect((await ledger.balance('acme')).held).toBe(60)
      expect(await outcomeOf(() => ledger.reserve(request({ amount: 41 })))).toBe(
        'insufficient_quota',
      )
      await ledger.reserve(request({ id: 'wrong', amount: 40 }))
      expect(await ledger.extend('right', 60_000)).toBe(true)
      expect(await ledger.settle('right', 50)).toMatchObject({ ended: 'settled', amount: 50 })
    })
    expect((await ledger.balance('acme')).held).toBe(40)
    expect(await ledger.settle('wrong', 40)).toMatchObject({ ended: 'settled' })
    for (const id of ['right', 'wrong']) {
      for (const { atMs } of await ledger.movements(id)) {
        expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000)
      }
    }
  })

  it('charges on the day it is in UTC, whatever the time zones of server and database', async () => {
    const pool = stores.pool()
    const { rows } = await pool.query(
      "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day",
    )
    const day = String(rows[0].day)
    const { ledger } = await stores.open()
    await ledger.credit('acme', 100, 'c1')
    await withClockOffBy(30 * 24 * hourMs, async () => {
      await ledger.reserve(request())
      await ledger.settle('r1', 1)
    })
    const sums = await ledger.usage({ account: 'acme', from: day, to: '9999-12-31', by: 'day' })
    const { rows: after } = await pool.query(
      "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day",
    )
    expect([day, String(after[0].day)]).toContain(sums[0]?.name)
    expect(sums).toHaveLength(1)
  })

  it('ends a reservation when it is over, without anybody who does it', async () => {
    const { ledger } = await stores.open()
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request({ amount: 60, ttlMs: 50 }))
    await vi.waitFor(async () => expect((await ledger.balance('acme')).held).toBe(0), 5_000)
    await ledger.reserve(request({ id: 'r2', amount: 100 }))
    expect(await ledger.settle('r1', 10)).toEqual({ id: 'r1', ended: 'expired', amount: 0 })
    expect(await ledger.balance('acme')).toMatchObject({ settled: 0, held: 100 })
  })

  it('does not settle what expired while the settling waited for its turn', async () => {
    const schema = stores.newSchema()
    const { ledger } = await stores.open({ schema })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request({ amount: 60, ttlMs: 300 }))
    const other = await stores.pool().connect()
    try {
      await other.query('BEGIN')
      await other.query(`SELECT FROM ${schema}.accounts FOR UPDATE`)
      const settled = ledger.settle('r1', 10)
      await vi.waitFor(async () => expect((await ledger.balance('acme')).held).toBe(0), 5_000)
      await other.query('COMMIT')
      expect(await settled).toEqual({ id: 'r1', ended: 'expired', amount: 0 })
    } finally {
      other.release(true)
    }
  })
})

/** Runs something on a server whose clock is wrong. */
async function withClockOffBy<T>(ms: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() + ms })
  try {
    return await work()
  } finally {
    vi.useRealTimers()
  }
}
