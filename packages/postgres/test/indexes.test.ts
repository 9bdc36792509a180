import type { PostgresStore } from '@lazu/postgres'
import { describeWithPostgres, makeRecord } from '@lazu/testkit'
import type { Pool } from 'pg'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { request } from './outcomes.js'
import { useStores } from './stores.js'

const rows = 100_000

/** Rows for a hundred accounts with ten keys each, a thousandth of the reservations open. */
const fill = `
  INSERT INTO lazu.keys (id, account, revision, record)
    SELECT 'key_' || n, 'a' || n % 100, 1, '{}' FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.key_digests (digest, key_id)
    SELECT md5(n::text), 'key_' || n FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.accounts (name, granted, held)
    SELECT 'a' || n, 1000000, 0 FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.spending (key_id) SELECT 'key_' || n FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.credits (account, reference, amount, credited_at_ms)
    SELECT n, 'c1', 1000000, 0 FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.reservations
    (id, account, key, amount, reserved_at_ms, expires_at, ended, ended_at_ms, charged)
    SELECT 'r' || n, n % 100 + 1, n % 1000 + 1, 0, 0, 10000000000000,
      CASE WHEN n % 1000 > 0 THEN 'settled' END, n, 0 FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.usage
    SELECT n % 100 + 1, 20000 + n / 1000, n % 1000 + 1, 'gpt-5', 1, 1, 1, 1
    FROM generate_series(1, ${rows}) AS n;
  INSERT INTO lazu.requests (request_id, record)
    SELECT 'req_' || n, '{}' FROM generate_series(1, ${rows}) AS n;
  ANALYZE;
`

// The server tells the plan of every statement it runs, those inside of functions included.
const tellPlans = `
  LOAD 'auto_explain';
  SET auto_explain.log_min_duration = 0;
  SET auto_explain.log_nested_statements = on;
  SET auto_explain.log_level = notice;
  SET client_min_messages = notice;
`

describeWithPostgres('With a hundred thousand rows in each table', (server) => {
  const stores = useStores(server)
  let isFilled = false
  let pool: Pool
  let store: PostgresStore
  let plans: string[] = []

  beforeAll(() => {
    isFilled = false
  })

  beforeEach(async () => {
    pool = stores.pool(1)
    store = await stores.open({ schema: 'lazu', pool, keptRequests: rows })
    if (!isFilled) await pool.query(fill)
    isFilled = true
    const client = await pool.connect()
    client.on('notice', ({ message }) => plans.push(message ?? ''))
    await client.query(tellPlans)
    client.release()
    plans = []
  }, 60_000)

  /** The steps of plans that read a table from its beginning to its end. */
  function scans(): string[] {
    expect(plans.join('\n')).toMatch(/Index/)
    return plans.filter((plan) => plan.includes('Seq Scan'))
  }

  const { account, from, to } = { account: 'a7', from: '2024-10-10', to: '2024-10-20' }
  const questions: [string, () => unknown][] = [
    [
      'finding a key by its digest',
      () => store.keys.findByDigest('c4ca4238a0b923820dcc509a6f75849b'),
    ],
    ['getting a key', () => store.keys.get('key_500')],
    ['a page of keys', () => store.keys.list({ after: 'key_5', limit: 50 })],
    [
      'a page of the keys of an account',
      () => store.keys.list({ account, after: 'key_5', limit: 50 }),
    ],
    ['a balance', () => store.ledger.balance(account)],
    ['the first page of accounts', () => store.ledger.accounts({ limit: 50 })],
    ['a page of accounts', () => store.ledger.accounts({ after: account, limit: 50 })],
    ['what an account spent', () => store.ledger.usage({ account, from, to, by: 'day' })],
    ['what an account spent by key', () => store.ledger.usage({ account, from, to, by: 'key' })],
    ['what a key spent', () => store.ledger.usage({ key: 'key_7', from, to, by: 'model' })],
    ['the movements of a reservation', () => store.ledger.movements('r500')],
    ['a request', () => store.requestLog.find('req_500')],
  ]

  it.for(questions)('%s is found by an index', async ([, ask]) => {
    const answer: unknown = await Promise.resolve(ask()).catch((error: unknown) => error)
    // The record of the filling is an empty one, but there it is.
    expect(answer).toBeDefined()
    expect(answer).not.toBeInstanceOf(Error)
    expect(scans()).toEqual([])
  })

  it('holding, extending, charging, releasing and expiring go by indexes', async () => {
    const { ledger } = store
    await ledger.credit('a1', 10, 'c2')
    const caps = { total: 1_000, day: 1_000, month: 1_000 }
    await ledger.reserve(request({ id: 'one', account: 'a1', key: 'key_1', caps }))
    await ledger.extend('one', 60_000)
    await ledger.settle('one', 1)
    await ledger.reserve(request({ id: 'two', account: 'a1', key: 'key_1', caps, ttlMs: 60_000 }))
    await ledger.release('two')
    await ledger.reserve(request({ id: 'three', account: 'a1', key: 'key_2', ttlMs: 1 }))
    await pool.query('SELECT pg_sleep(0.01)')
    await ledger.reserve(request({ id: 'four', account: 'a1', key: 'key_1', caps }))
    expect(await ledger.movements('three')).toMatchObject([{}, { kind: 'expired' }])
    expect(plans.join('\n')).toContain("SET ended = 'expired'")
    expect(scans()).toEqual([])
  })

  it('writing requests, and forgetting the oldest, goes by indexes', async () => {
    store.requestLog.record(makeRecord('req_new'))
    await store.requestLog.flush()
    expect(scans()).toEqual([])
    expect(await store.requestLog.find('req_1')).toBeUndefined()
    expect(await store.requestLog.find('req_2')).toBeDefined()
  })
})
