import { postgresStore } from '@lazu/postgres'
import { describeWithPostgres, FakeClock } from '@lazu/testkit'
import { Pool } from 'pg'
import { expect, it } from 'vitest'
import { outcomeOf, request } from './outcomes.js'
import { useStores } from './stores.js'

const dayMs = 86_400_000

describeWithPostgres('A ledger', (server) => {
  const stores = useStores(server)

  it('keeps every text apart and as it is, also what PostgreSQL has no character for', async () => {
    const { ledger } = await stores.open()
    const names = [
      'a',
      'a\0',
      'a\x01',
      'a\x01\x02',
      'a\x02',
      'a\ud800',
      'a\udc00b',
      'a\ufffd',
      'a😀',
    ]
    for (const [index, name] of names.entries()) {
      expect(await ledger.createAccount(name)).toBe(true)
      await ledger.credit(name, 100 + index, name)
      await ledger.reserve(request({ id: name, account: name, key: name, model: name }))
      expect(await ledger.settle(name, 1)).toEqual({ id: name, ended: 'settled', amount: 1 })
    }
    for (const [index, account] of names.entries()) {
      expect((await ledger.balance(account)).granted).toBe(100 + index)
      const [made] = await ledger.movements(account)
      expect(made).toMatchObject({ id: account, account, key: account, model: account })
    }
    const listed = await ledger.accounts({ limit: 100 })
    expect(listed.map(({ account }) => account).toSorted()).toEqual(names.toSorted())
  })

  it('counts in a pool that makes something else of numbers', async () => {
    for (const parse of [Number, BigInt]) {
      const pool = new Pool({
        connectionString: server().url,
        types: {
          getTypeParser: () => (text: string) => (/^-?\d+$/.test(text) ? parse(text) : text),
        },
      })
      const store = postgresStore({ pool, schema: stores.newSchema() })
      try {
        await store.migrate()
        await store.ledger.credit('acme', 100, 'c1')
        await store.ledger.reserve(request({ amount: 60 }))
        const money = { granted: 100, settled: 0, held: 60, available: 40 }
        expect(await store.ledger.balance('acme')).toEqual(money)
      } finally {
        await store.close()
        await pool.end()
      }
    }
  })

  it('refuses to tell a sum that no number holds exactly', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    const { ledger } = await stores.open({ schema, pool })
    await pool.query(`INSERT INTO ${schema}.accounts (name, granted) VALUES ('acme', ${2n ** 53n})`)
    await expect(ledger.balance('acme')).rejects.toThrow('granted is no whole number')
  })

  it('tells every movement in a view', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    const { ledger } = await stores.open({ schema, pool })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
    await ledger.settle('r1', 50, { inputTokens: 3, outputTokens: 4 })
    const { rows } = await pool.query(
      `SELECT kind, account, key_id, id, model, amount::int, input_tokens::int, output_tokens::int
        FROM ${schema}.movements`,
    )
    const tokens = { input_tokens: null, output_tokens: null }
    const reserved = { account: 'acme', key_id: 'k1', id: 'r1', model: 'gpt-5', ...tokens }
    expect(rows).toEqual([
      {
        kind: 'grant',
        account: 'acme',
        key_id: null,
        id: 'c1',
        model: null,
        amount: 100,
        ...tokens,
      },
      { kind: 'reserve', ...reserved, amount: 60 },
      { kind: 'settled', ...reserved, amount: 50, input_tokens: 3, output_tokens: 4 },
    ])
  })

  it('forgets what ended before a day when it is told to, and nothing that counts', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 15, 12))
    const { ledger } = await stores.open({ clock })
    await ledger.credit('acme', 100_000, 'c1')
    for (let n = 0; n < 30; n++) {
      await ledger.reserve(request({ id: `settled ${n}`, amount: 10 }))
      await ledger.settle(`settled ${n}`, 10)
      await ledger.reserve(request({ id: `expired ${n}`, amount: 10, ttlMs: 1_000 }))
    }
    await ledger.reserve(request({ id: 'open', amount: 10, ttlMs: 30 * dayMs }))
    clock.advance(dayMs)
    await ledger.reserve(request({ id: 'later', amount: 10 }))
    await ledger.release('later')
    const balance = await ledger.balance('acme')
    clock.advance(dayMs)

    expect(await ledger.compact('2026-01-15')).toBe(0)
    expect(await ledger.compact('2026-01-16')).toBe(60)
    expect(await ledger.compact('2026-01-16')).toBe(0)
    expect(await ledger.movements('settled 3')).toEqual([])
    expect(await ledger.movements('expired 3')).toEqual([])
    expect(await ledger.movements('later')).toHaveLength(2)
    expect(await ledger.movements('open')).toHaveLength(1)
    expect(await ledger.balance('acme')).toEqual(balance)
    expect(
      await ledger.usage({ account: 'acme', from: '2026-01-01', to: '2026-12-31', by: 'day' }),
    ).toMatchObject([{ name: '2026-01-15', requests: 30, amount: 300 }])
    const caps = { total: 319 }
    expect(await outcomeOf(() => ledger.reserve(request({ id: 'x', amount: 10, caps })))).toBe(
      'key_quota_exceeded',
    )
    await expect(ledger.compact('yesterday')).rejects.toThrow(RangeError)
  })

  it('never forgets what ended within the last hour', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 15, 23, 30))
    const { ledger } = await stores.open({ clock })
    await ledger.reserve(request({ amount: 0 }))
    await ledger.release('r1')
    clock.advance(59 * 60_000)
    expect(await ledger.compact('2026-01-16')).toBe(0)
    clock.advance(2 * 60_000)
    expect(await ledger.compact('2026-01-16')).toBe(1)
  })

  it('ends hundreds of reservations that are over, a few with each step', async () => {
    const clock = new FakeClock()
    const schema = stores.newSchema()
    const pool = stores.pool()
    const { ledger } = await stores.open({ schema, pool, clock })
    await ledger.credit('acme', 250, 'c1')
    for (let n = 0; n < 250; n++) {
      await ledger.reserve(request({ id: `r${n}`, key: `k${n % 7}`, ttlMs: 1_000 }))
    }
    clock.advance(1_000)
    await ledger.reserve(request({ id: 'all', amount: 250, caps: { total: 250 } }))
    expect(await ledger.balance('acme')).toMatchObject({ held: 250, available: 0 })
    const { rows } = await pool.query(
      `SELECT count(*)::int AS count FROM ${schema}.reservations WHERE ended = 'expired'`,
    )
    expect(rows).toEqual([{ count: 100 }])
    await ledger.compact('2026-01-01')
    expect(await ledger.balance('acme')).toMatchObject({ held: 250, available: 0 })
    expect(await ledger.settle('all', 250)).toMatchObject({ ended: 'settled' })
  })
})
