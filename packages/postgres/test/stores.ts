import { postgresStore, type PostgresStore, type PostgresStoreOptions } from '@lazu/postgres'
import type { RunningPostgres } from '@lazu/testkit'
import { Pool } from 'pg'
import { afterEach } from 'vitest'

/** Pools and stores for the tests of one file; what a test opened is closed after it. */
export interface Stores {
  /** A pool of its own, as a process has one. */
  pool(max?: number): Pool
  /** A store in a schema of its own, unless another one is named; in the newest version. */
  open(options?: Partial<PostgresStoreOptions>): Promise<PostgresStore>
  /** The same, but nothing is sent to the database yet. */
  make(options?: Partial<PostgresStoreOptions>): PostgresStore
  /** A schema's name that nobody has used yet. */
  newSchema(): string
}

let schemas = 0

function newSchema(): string {
  return `schema_${schemas++}`
}

/** To be called where the tests are described. */
export function useStores(server: () => RunningPostgres): Stores {
  let pools: Pool[] = []
  let stores: PostgresStore[] = []

  afterEach(async () => {
    for (const store of stores) await store.close()
    for (const pool of pools) await pool.end()
    stores = []
    pools = []
  })

  const newPool = (max = 10): Pool => {
    const pool = new Pool({ connectionString: server().url, max })
    pools.push(pool)
    return pool
  }
  const make = (options: Partial<PostgresStoreOptions> = {}): PostgresStore => {
    const store = postgresStore({
      ...options,
      pool: options.pool ?? newPool(),
      schema: options.schema ?? newSchema(),
    })
    stores.push(store)
    return store
  }
  return {
    newSchema,
    pool: newPool,
    make,
    async open(options) {
      const store = make(options)
      await store.migrate()
      return store
    },
  }
}
