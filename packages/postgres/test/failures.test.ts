import { ConfigurationError, GatewayError } from '@lazu/core'
import { postgresStore, type PostgresPool } from '@lazu/postgres'
import { describeWithPostgres, makeRecord, startPostgres } from '@lazu/testkit'
import { Pool } from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { outcomeOf, request } from './outcomes.js'
import { useStores } from './stores.js'

describe('The options of a store', () => {
  const pool = new Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/nothing' })
  const wrong: [string, Record<string, unknown>][] = [
    ['postgresStore().pool', {}],
    ['postgresStore().pool', { pool: 'postgres://localhost' }],
    ['postgresStore().pool', { pool: { query: () => {}, connect: () => {} } }],
    ['postgresStore().schema', { pool, schema: 'a"; DROP TABLE keys' }],
    ['postgresStore().schema', { pool, schema: '' }],
    ['postgresStore().keptRequests', { pool, keptRequests: -1 }],
    ['postgresStore().clock', { pool, clock: {} }],
    ['postgresStore().url', { pool, url: 'postgres://localhost' }],
  ]

  it.for(wrong)('name %s when it is wrong', ([path, options]) => {
    const build = (): unknown => Reflect.apply(postgresStore, undefined, [options])
    expect(build).toThrow(ConfigurationError)
    expect(build).toThrow(path)
  })

  it('are enough to make a store, which sends nothing before it is used', async () => {
    const store = postgresStore({ pool })
    await store.close()
    expect(pool.totalCount).toBe(0)
  })
})

describeWithPostgres('A database that fails', (server) => {
  const stores = useStores(server)

  it('is a GatewayError with the error of the database inside', async () => {
    const { ledger, keys } = stores.make({ schema: 'not_there' })
    const failures: [string, () => unknown][] = [
      ['store_write_failed', () => ledger.reserve(request())],
      ['store_write_failed', () => ledger.settle('r1', 1)],
      ['store_write_failed', () => ledger.credit('acme', 1, 'c1')],
      ['store_read_failed', () => ledger.balance('acme')],
      ['store_read_failed', () => keys.findByDigest('d1')],
      ['store_write_failed', () => keys.insert({ ...key, digest: 'd1' })],
    ]
    for (const [condition, action] of failures) {
      const error: unknown = await Promise.resolve(action()).catch((thrown: unknown) => thrown)
      if (!GatewayError.is(error)) throw new Error('it did not fail as it should')
      expect(error.condition).toBe(condition)
      expect(String(error.cause)).toContain('not_there')
      expect(error.message).not.toContain('not_there')
    }
  })

  it('ends no process when it is restarted while connections are idle', async () => {
    const own = await startPostgres()
    const pool = new Pool({ connectionString: own.url, max: 3 })
    const store = postgresStore({ pool })
    try {
      await store.migrate()
      await store.ledger.credit('acme', 100, 'c1')
      store.keys.watch(() => {})
      await pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
      )
      expect((await store.ledger.balance('acme')).granted).toBe(100)
      await own.stop()
      expect(await outcomeOf(() => store.ledger.balance('acme'))).toBe('store_read_failed')
      expect(await outcomeOf(() => store.ledger.reserve(request()))).toBe('store_write_failed')
    } finally {
      await store.close()
      await pool.end()
      await own.stop()
    }
  })

  it('lets a request log wait, which warns once and writes it all later', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    let isDown = false
    const sometimes: PostgresPool = {
      options: pool.options,
      connect: () => pool.connect(),
      on: (event, listener) => pool.on(event, listener),
      off: (event, listener) => pool.off(event, listener),
      query: (text, values) =>
        isDown ? Promise.reject(new Error('it is down')) : pool.query(text, values),
    }
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { requestLog } = await stores.open({ schema, pool: sometimes, keptRequests: 7 })
    isDown = true
    for (let n = 0; n < 1_000; n++) requestLog.record(makeRecord(`req_${n}`))
    await requestLog.flush()
    await requestLog.flush()
    expect(warn).toHaveBeenCalledTimes(1)
    expect(String(warn.mock.calls[0]?.[0])).toContain('it is down')
    expect(await requestLog.find('req_0')).toEqual(makeRecord('req_0'))
    isDown = false
    await requestLog.flush()
    expect(await requestLog.find('req_992')).toBeUndefined()
    expect(await requestLog.find('req_993')).toEqual(makeRecord('req_993'))
    const { rows } = await pool.query(`SELECT count(*)::int AS count FROM ${schema}.requests`)
    expect(rows).toEqual([{ count: 7 }])
  })

  it('makes a request log keep ten thousand records and no more', async () => {
    const { requestLog } = stores.make({ pool: unreachable() })
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    for (let n = 0; n < 10_001; n++) requestLog.record(makeRecord(`req_${n}`))
    expect(await requestLog.find('req_9999')).toBeDefined()
    await expect(requestLog.find('req_10000')).rejects.toMatchObject({
      condition: 'store_read_failed',
    })
  })
})

const key = {
  id: 'key_1',
  account: 'acme',
  name: 'one',
  shown: 'sk-…',
  status: 'active' as const,
  createdAtMs: 1,
  revision: 1,
}

/** A pool that nobody answers. */
function unreachable(): PostgresPool {
  return { options: {}, connect: nobody, query: nobody, on: () => {}, off: () => {} }
}

function nobody(): Promise<never> {
  return Promise.reject(new Error('nobody is there'))
}
