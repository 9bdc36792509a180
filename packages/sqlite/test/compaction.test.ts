import Database from 'libsql'
import type { ReserveRequest } from '@lazu/core'
import { sqliteStore, type SqliteLedger } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
let clock: FakeClock
let database: Database.Database
let ledger: SqliteLedger

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 0, 15, 12))
  database = new Database(':memory:')
  ledger = sqliteStore({ database, clock }).ledger
  onTestFinished(() => void database.close())
})

function request(id: string, changes: Partial<ReserveRequest> = {}): ReserveRequest {
  return { id, account: 'acme', key: 'k1', amount: 10, ttlMs: 60_000, ...changes }
}

function rows(sql: string): unknown[] {
  return database.prepare(sql).raw().all()
}

const countReservations = 'SELECT count(*) FROM lazu_reservations'

/** Three days of a thousand requests each, on three accounts, three keys and two models. */
async function spendThreeDays(): Promise<void> {
  const tokens = { inputTokens: 1, outputTokens: 2 }
  for (let day = 15; day < 18; day++) {
    for (let step = 0; step < 1_000; step++) {
      const account = `account ${step % 3}`
      const id = `${day}/${step}`
      if (step < 3) await ledger.credit(account, 10_000, `invoice of ${day}`)
      const model = step % 5 === 0 ? undefined : `model ${step % 2}`
      await ledger.reserve(request(id, { account, key: `k${step % 3}`, model }))
      if (step % 4 === 0) await ledger.release(id)
      else if (step % 4 !== 1) await ledger.settle(id, step % 13, tokens)
    }
    clock.advance(dayMs)
  }
  // Any step ends what is over.
  await ledger.extend('nothing', 1)
}

/** All that is to stay as it is. */
async function seen(): Promise<unknown[]> {
  const answers: unknown[] = [await ledger.accounts({ limit: 100 })]
  const questions = [0, 1, 2].flatMap((n) => [{ account: `account ${n}` }, { key: `k${n}` }])
  for (const question of questions) {
    for (const by of ['day', 'model', 'key'] as const) {
      answers.push(await ledger.usage({ ...question, from: '2026-01-01', to: '2026-12-31', by }))
    }
  }
  answers.push(rows('SELECT * FROM lazu_spending'))
  answers.push(rows("SELECT * FROM lazu_movements WHERE kind = 'grant'"))
  return answers
}

describe('compacting', () => {
  it('leaves balances, usage, caps and credits as they are', async () => {
    await spendThreeDays()
    await ledger.reserve(request('fresh', { account: 'account 0', key: 'k0' }))
    const before = await seen()
    const year = { from: '2026-01-01', to: '2026-12-31' }
    const [charged] = await ledger.usage({ key: 'k0', ...year, by: 'key' })
    const spent = charged?.amount ?? 0
    expect(rows(countReservations)).toEqual([[3_001]])

    expect(await ledger.compact('2026-01-17')).toBe(2_000)
    expect(rows(countReservations)).toEqual([[1_001]])
    expect(await seen()).toEqual(before)
    expect(await ledger.compact('2026-12-31')).toBe(1_000)
    expect(await seen()).toEqual(before)
    expect(await ledger.compact('2026-12-31')).toBe(0)

    const [money] = await ledger.accounts({ limit: 1 })
    expect(await ledger.credit('account 0', 10_000, 'invoice of 15')).toMatchObject({
      granted: money?.granted,
    })
    // 10 are held.
    const overCap = request('over', {
      account: 'account 0',
      key: 'k0',
      caps: { total: spent + 19 },
    })
    await expect(async () => ledger.reserve(overCap)).rejects.toMatchObject({
      condition: 'key_quota_exceeded',
    })
    await ledger.reserve({ ...overCap, caps: { total: spent + 20 } })
    expect(rows('SELECT sum(amount) FROM lazu_usage')).toEqual(
      rows('SELECT sum(settled) FROM lazu_accounts'),
    )
    expect(rows('PRAGMA integrity_check')).toEqual([['ok']])
  })

  it('forgets what happened to what it deletes', async () => {
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request('old'))
    await ledger.settle('old', 5)
    clock.advance(dayMs)
    expect(await ledger.movements('old')).toHaveLength(2)
    await ledger.compact('2026-01-16')
    expect(await ledger.movements('old')).toEqual([])
    expect(await ledger.settle('old', 5)).toBeUndefined()
    expect(await ledger.balance('acme')).toMatchObject({ settled: 5, held: 0 })
  })

  it('leaves open reservations alone, however old they are', async () => {
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request('open', { ttlMs: 1_000 * dayMs }))
    clock.advance(500 * dayMs)
    expect(await ledger.compact('2027-01-01')).toBe(0)
    expect(await ledger.balance('acme')).toMatchObject({ held: 10 })
    expect(await ledger.settle('open', 7)).toMatchObject({ ended: 'settled' })
  })

  it('leaves what ended in the last hour, and on the day itself', async () => {
    clock.setWallMs(Date.UTC(2026, 0, 15, 23, 15))
    await ledger.credit('acme', 100, 'c1')
    for (const id of ['at 23:15', 'at 23:45', 'at 0:15']) {
      await ledger.reserve(request(id))
      await ledger.release(id)
      clock.advance(hourMs / 2)
    }
    expect(clock.wallMs()).toBe(Date.UTC(2026, 0, 16, 0, 45))
    expect(await ledger.compact('2026-01-20')).toBe(1)
    expect(await ledger.release('at 23:15')).toBeUndefined()
    expect(await ledger.release('at 23:45')).toMatchObject({ ended: 'released' })
    clock.advance(10 * dayMs)
    expect(await ledger.compact('2026-01-16')).toBe(1)
    expect(await ledger.release('at 0:15')).toMatchObject({ ended: 'released' })
  })

  it('serves others in between, and comes to an end', async () => {
    await spendThreeDays()
    let turns = 0
    const ended: number[] = []
    const compacting = ledger.compact('2026-12-31').then((count) => ended.push(count))
    while (ended.length === 0 && turns < 1_000) {
      // Behind all others in their order, as new requests are.
      const id = `meanwhile ${String(turns).padStart(6, '0')}`
      expect(await ledger.reserve(request(id, { account: 'account 0' }))).toMatchObject({ id })
      await ledger.settle(id, 1)
      turns++
      await new Promise((resolve) => setImmediate(resolve))
    }
    await compacting
    expect(ended).toEqual([3_000])
    expect(turns).toBeGreaterThan(10)
    expect(turns).toBeLessThan(100)
    const today = { from: '2026-01-18', to: '2026-01-18' }
    const served = await ledger.usage({ key: 'k1', ...today, by: 'key' })
    expect(served).toMatchObject([{ requests: turns }])
  })

  it('may be done twice at once', async () => {
    await spendThreeDays()
    const before = await seen()
    const [one, other] = await Promise.all([
      ledger.compact('2026-12-31'),
      ledger.compact('2026-12-31'),
    ])
    expect(one + other).toBe(3_000)
    expect(await seen()).toEqual(before)
  })

  it.each(['', 'yesterday', '2026-02-30', '2026-1-1', '2026-01-01T00:00:00Z', '+010000-01-01'])(
    'up to "%s" is a mistake, and deletes nothing',
    async (date) => {
      await ledger.credit('acme', 100, 'c1')
      await ledger.reserve(request('old'))
      await ledger.release('old')
      clock.advance(dayMs)
      await expect(ledger.compact(date)).rejects.toThrow(
        new RangeError('before must be a date in the form 2026-11-21'),
      )
      expect(rows(countReservations)).toEqual([[1]])
    },
  )
})
