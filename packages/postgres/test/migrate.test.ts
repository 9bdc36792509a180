import { ConfigurationError } from '@lazu/core'
import { migrationsSql, postgresStore } from '@lazu/postgres'
import { describeWithPostgres } from '@lazu/testkit'
import { Pool, type PoolClient } from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { outcomeOf, request } from './outcomes.js'
import { useStores } from './stores.js'

const newest = 3

/** Who waits for somebody else who migrates. */
const waiting = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

describeWithPostgres('Migrating', (server) => {
  const stores = useStores(server)

  /** What is in a schema: each thing's name, and the version. */
  async function contentsOf(schema: string): Promise<unknown> {
    const pool = stores.pool()
    const { rows: things } = await pool.query(
      `SELECT relkind::text || ' ' || relname AS thing FROM pg_class
        WHERE relnamespace = $1::regnamespace
        UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = $1::regnamespace
        ORDER BY 1`,
      [schema],
    )
    const { rows } = await pool.query(`SELECT version FROM ${schema}.migrations ORDER BY version`)
    return { things, versions: rows }
  }

  it.for([0, 1, 2, 3])(
    'goes from version %i to the newest, and keeps what is there',
    async (from) => {
      const pool = stores.pool()
      const schema = stores.newSchema()
      if (from > 0) await pool.query(stepsBefore(from, schema))
      const store = stores.make({ schema, pool })
      const { keys, ledger, requestLog } = store
      const key = {
        id: 'key_1',
        account: 'acme',
        name: 'one',
        shown: 'sk-…',
        status: 'active' as const,
        createdAtMs: 1,
        revision: 1,
        digest: 'd1',
      }
      if (from >= 1) await keys.insert(key)
      if (from >= 2) await ledger.credit('acme', 100, 'c1')
      await store.migrate()
      expect(await keys.findByDigest('d1')).toEqual(from >= 1 ? key : undefined)
      expect((await ledger.balance('acme')).granted).toBe(from >= 2 ? 100 : 0)
      expect(await requestLog.find('req_1')).toBeUndefined()

      const fresh = stores.newSchema()
      await stores.open({ schema: fresh, pool })
      expect(await contentsOf(schema)).toEqual(await contentsOf(fresh))
    },
  )

  it('is done once, however many processes begin with it at once', async () => {
    const schema = stores.newSchema()
    const made = Array.from({ length: 5 }, () => stores.make({ schema, pool: stores.pool(2) }))
    await Promise.all([...made, ...made].map((store) => store.migrate()))
    expect(await contentsOf(schema)).toMatchObject({
      versions: [{ version: 1 }, { version: 2 }, { version: newest }],
    })
  })

  it('refuses a schema that a newer version has written to', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    const store = await stores.open({ schema, pool })
    await pool.query(`INSERT INTO ${schema}.migrations (version) VALUES (${newest + 1})`)
    const error: unknown = await store.migrate().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toMatchObject({ code: 'LAZU_CONFIG_STORE', path: 'postgresStore().pool' })
    expect(String(error)).toContain(`version ${newest + 1}`)
  })

  it('changes nothing when a step fails, and says what the database said', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    await pool.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.keys (id integer)`)
    await expect(stores.open({ schema, pool })).rejects.toMatchObject({
      condition: 'store_write_failed',
      cause: { message: 'relation "keys" already exists' },
    })
    const { rows } = await pool.query(`SELECT to_regclass('${schema}.migrations') AS there`)
    expect(rows).toEqual([{ there: null }])
    expect(pool.waitingCount).toBe(0)
  })

  it('ends no process when its connection is lost while it waits for another one', async () => {
    const schema = stores.newSchema()
    const [admin, pool] = [stores.pool(), stores.pool()]
    const checkedOut: PoolClient[] = []
    pool.on('acquire', (client) => void checkedOut.push(client))
    const holder = await admin.connect()
    try {
      await holder.query('BEGIN')
      await holder.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `lazu migrates ${schema}`,
      ])
      const outcome = outcomeOf(() => stores.make({ schema, pool }).migrate())
      await vi.waitFor(async () => {
        const { rows } = await admin.query(waiting)
        expect(rows).toHaveLength(1)
      })
      // A lost connection is an event, and would end the process if nobody listened.
      expect(checkedOut.at(-1)?.listenerCount('error')).toBe(1)
      const { rows } = await admin.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS w`)
      expect(rows).toHaveLength(1)
      expect(await outcome).toBe('store_write_failed')
    } finally {
      await holder.query('ROLLBACK')
      holder.release()
    }
    await stores.make({ schema, pool }).migrate()
    const client = await pool.connect()
    expect(client.listenerCount('error')).toBe(0)
    client.release()
  })

  it('needs no right to make anything when there is nothing to make', async () => {
    const schema = stores.newSchema()
    const pool = stores.pool()
    await stores.open({ schema, pool })
    await pool.query(`CREATE ROLE ${schema}_user LOGIN;
      GRANT USAGE ON SCHEMA ${schema} TO ${schema}_user;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${schema}_user`)
    const url = new URL(server().url)
    url.username = `${schema}_user`
    const userPool = new Pool({ connectionString: url.href })
    try {
      const store = postgresStore({ pool: userPool, schema })
      await store.migrate()
      await store.ledger.credit('acme', 100, 'c1')
      await store.ledger.reserve(request({ amount: 60 }))
      expect(await store.ledger.settle('r1', 50)).toMatchObject({ ended: 'settled' })
      await store.close()
    } finally {
      await userPool.end()
    }
  })

  describe('by hand', () => {
    it('makes what migrating by itself does', async () => {
      const pool = stores.pool()
      const [byHand, byItself] = [stores.newSchema(), stores.newSchema()]
      await pool.query(migrationsSql(0, byHand))
      await stores.open({ schema: byItself, pool })
      expect(await contentsOf(byHand)).toEqual(await contentsOf(byItself))
    })

    it('goes on from the version there is, once', async () => {
      const pool = stores.pool()
      const schema = stores.newSchema()
      await pool.query(stepsBefore(1, schema))
      await expect(pool.query(migrationsSql(2, schema))).rejects.toThrow('does not have version 2')
      await pool.query('ROLLBACK')
      await pool.query(migrationsSql(1, schema))
      await expect(pool.query(migrationsSql(1, schema))).rejects.toThrow('does not have version 1')
      await expect(pool.query(migrationsSql(0, schema))).rejects.toThrow('already exists')
      expect(migrationsSql(newest, schema)).toBe('')
    })

    it.for([-1, 0.5, newest + 1, Number.NaN])('refuses the version %s', (version) => {
      expect(() => migrationsSql(version)).toThrow(RangeError)
    })

    it.for(['', 'A', 'a"b', 'pg-1', '1a', 'a'.repeat(41)])('refuses the schema %j', (schema) => {
      expect(() => migrationsSql(0, schema)).toThrow(RangeError)
    })
  })
})

/** The SQL that brings a new schema to a version. */
function stepsBefore(version: number, schema: string): string {
  const all = migrationsSql(0, schema)
  return all.slice(0, all.length - migrationsSql(version, schema).length)
}
