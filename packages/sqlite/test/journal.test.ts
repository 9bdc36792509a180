import Database from 'libsql'
import type { ReserveRequest } from '@lazu/core'
import { sqliteStore, type SqliteLedger } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const startMs = Date.UTC(2026, 0, 15, 12)
let clock: FakeClock
let database: Database.Database
let ledger: SqliteLedger

beforeEach(() => {
  clock = new FakeClock(startMs)
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

/** What the movements of each account come to: granted, settled, held. */
const sumsSql = `
  SELECT account,
    sum(amount) FILTER (WHERE kind = 'grant'),
    sum(amount) FILTER (WHERE kind = 'settled'),
    sum(amount) FILTER (WHERE kind = 'reserve')
      - (SELECT coalesce(sum(held.amount), 0)
          FROM lazu_movements AS ended
          JOIN lazu_movements AS held ON held.id = ended.id AND held.kind = 'reserve'
          WHERE ended.account = lazu_movements.account
            AND ended.kind IN ('settled', 'released', 'expired'))
  FROM lazu_movements GROUP BY account ORDER BY account`

describe('the view lazu_movements', () => {
  it('lists everything that happened, in its order', async () => {
    await ledger.credit('acme', 1_000, 'invoice 1')
    clock.advance(1)
    await ledger.reserve(request('paid', { model: 'gpt-5' }))
    clock.advance(1)
    await ledger.settle('paid', 7, { inputTokens: 3, outputTokens: 4 })
    clock.advance(1)
    await ledger.reserve(request('given back'))
    clock.advance(1)
    await ledger.release('given back')
    clock.advance(1)
    await ledger.reserve(request('forgotten', { ttlMs: 1 }))
    clock.advance(2)
    await ledger.reserve(request('open', { amount: 0 }))
    const sql = `
      SELECT kind, at_ms - ${startMs}, account, key_id, id, model, amount, input_tokens,
        output_tokens
      FROM lazu_movements ORDER BY at_ms`
    expect(rows(sql)).toEqual([
      ['grant', 0, 'acme', null, 'invoice 1', null, 1_000, null, null],
      ['reserve', 1, 'acme', 'k1', 'paid', 'gpt-5', 10, null, null],
      ['settled', 2, 'acme', 'k1', 'paid', 'gpt-5', 7, 3, 4],
      ['reserve', 3, 'acme', 'k1', 'given back', null, 10, null, null],
      ['released', 4, 'acme', 'k1', 'given back', null, 10, null, null],
      ['reserve', 5, 'acme', 'k1', 'forgotten', null, 10, null, null],
      ['expired', 6, 'acme', 'k1', 'forgotten', null, 10, null, null],
      ['reserve', 7, 'acme', 'k1', 'open', null, 0, null, null],
    ])
  })

  it('comes to the balance of every account, after thousands of steps', async () => {
    const accounts = ['acme', 'globex', 'initech']
    for (const account of accounts) await ledger.credit(account, 20_000, 'c1')
    for (let step = 0; step < 3_000; step++) {
      const account = accounts[step % 3] ?? ''
      const id = `r${step}`
      await ledger.reserve(request(id, { account, key: `k${step % 7}`, ttlMs: 50 + (step % 100) }))
      // More than was held, too.
      if (step % 4 === 0) await ledger.settle(id, step % 16)
      else if (step % 4 === 1) await ledger.release(id)
      if (step % 500 === 0) await ledger.credit(account, step, `more ${step}`)
      clock.advance(1)
    }
    const balances = await ledger.accounts({ limit: 10 })
    expect(balances.every(({ held, settled }) => held > 0 && settled > 0)).toBe(true)
    // Ends what is over, which the balance has counted already.
    await ledger.extend('nothing', 1)
    const expected = balances.map(({ account, granted, settled, held }) => [
      account,
      granted,
      settled,
      held,
    ])
    expect(rows(sumsSql)).toEqual(expected)
    const stored = 'SELECT name, granted, settled, held FROM lazu_accounts ORDER BY name'
    expect(rows(stored)).toEqual(expected)
    expect(rows('SELECT sum(spent), sum(held) FROM lazu_spending')).toEqual([
      [
        balances.reduce((sum, { settled }) => sum + settled, 0),
        balances.reduce((sum, { held }) => sum + held, 0),
      ],
    ])
  })
})
