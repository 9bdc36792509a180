import { checkOptions, hasMethods, type Clock } from '@lazu/core'
import { z } from 'zod'
import { Database } from './database.js'
import { KeyChanges } from './key-changes.js'
import { migrate } from './migrate.js'
import { defaultSchema, schemaForm } from './migrations.js'
import type { PostgresPool } from './pool.js'
import { PostgresKeyStore } from './postgres-key-store.js'
import { PostgresLedger } from './postgres-ledger.js'
import { PostgresRequestLog } from './postgres-request-log.js'

/** What a PostgreSQL store is made of. */
export interface PostgresStoreOptions {
  /** A `Pool` of pg. Ending it is up to you. */
  readonly pool: PostgresPool
  /** The schema that has the tables: up to 40 of a-z 0-9 _; `'lazu'` unless given. */
  readonly schema?: string | undefined
  /** How many of the newest requests the request log keeps; 100,000 unless given. */
  readonly keptRequests?: number | undefined
  /** The time, for tests, in place of the database's clock. */
  readonly clock?: Clock | undefined
}

/** A store in PostgreSQL. */
export interface PostgresStore {
  /** For `createKeys({ store })`. */
  readonly keys: PostgresKeyStore
  /** For `lazu({ ledger })`. */
  readonly ledger: PostgresLedger
  /** For `lazu({ requestLog })`. */
  readonly requestLog: PostgresRequestLog
  /**
   * Makes what is not there yet, and brings it to the newest version. Several processes may do this
   * at once. It needs to be done before anything else, here or with `migrationsSql`.
   *
   * @throws ConfigurationError when a newer version of this package has written to the schema
   * @throws GatewayError `store_write_failed` with pg's error inside
   */
  migrate(): Promise<void>
  /** Stops listening, and writes the rest of the request log. To be done before the pool is ended. */
  close(): Promise<void>
}

const poolError = 'Give a Pool of pg'
const keptError = 'Write a whole number from 0 up'
const schemaError = 'Write 1 to 40 of a-z 0-9 _, and begin with no digit'

const optionsSchema = z.strictObject({
  pool: z.custom<PostgresPool>(isPool, poolError),
  schema: z.string({ error: schemaError }).regex(schemaForm, { error: schemaError }).optional(),
  keptRequests: z.int({ error: keptError }).min(0, { error: keptError }).optional(),
  clock: z
    .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock, or leave it out')
    .optional(),
})

/**
 * Makes a store in PostgreSQL, which any number of processes may share. It sends nothing to the
 * database before it is used.
 *
 * @throws ConfigurationError for a mistake in the options
 * @example
 * ```ts
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const store = postgresStore({ pool })
 * await store.migrate()
 * const keys = createKeys({ store: store.keys })
 * const gateway = lazu({ keys, ledger: store.ledger, requestLog: store.requestLog, prices })
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  const path = 'postgresStore()'
  const checked = checkOptions<PostgresStoreOptions>(optionsSchema, options, path)
  const { pool, schema = defaultSchema, keptRequests = 100_000, clock } = checked
  const database = new Database(pool, schema, clock)
  const changes = new KeyChanges(pool.options, schema)
  const requestLog = new PostgresRequestLog(database, keptRequests)
  pool.on('error', ignore)
  return {
    keys: new PostgresKeyStore(database, changes),
    ledger: new PostgresLedger(database),
    requestLog,
    migrate: () => migrate(pool, schema, `${path}.pool`),
    async close() {
      changes.close()
      await requestLog.close()
      pool.off('error', ignore)
    },
  }
}

/**
 * A connection that is lost while nobody uses it is an event of the pool, and would end the process
 * if nobody listened. The pool makes another one; if it cannot, the next statement tells.
 */
function ignore(): void {}

function isPool(value: unknown): boolean {
  return (
    hasMethods('query', 'connect', 'on', 'off')(value) &&
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'options') === 'object'
  )
}
