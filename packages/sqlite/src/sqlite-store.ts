import {
  checkOptions,
  durationMs,
  hasMethods,
  type Clock,
  type Duration,
  type KeyStore,
} from '@lazu/core'
import { z } from 'zod'
import { Connection } from './connection.js'
import type { SqliteDatabase } from './database.js'
import { migrate } from './migrations.js'
import { openDatabase, opening, type Synchronous } from './open-database.js'
import { SqliteKeyStore } from './sqlite-key-store.js'
import { SqliteLedger } from './sqlite-ledger.js'
import { SqliteRequestLog } from './sqlite-request-log.js'
import { machineTimes, storeClockOf } from './store-clock.js'

/** What every SQLite store can be told. */
export interface SqliteStoreSettings {
  /**
   * How long a step waits for another process that is writing, before it fails; `'1s'` unless given.
   * Nothing else of this process waits with it.
   */
  readonly busyTimeout?: Duration | undefined
  /** How many of the newest requests the request log keeps; 100,000 unless given. */
  readonly keptRequests?: number | undefined
  /** The time, for tests. */
  readonly clock?: Clock | undefined
}

/** A store in a file of its own. */
export interface SqliteFileOptions extends SqliteStoreSettings {
  /** The file; it is made when it is not there. Its folder must be. */
  readonly path: string
  /** How sure a commit is when the power fails; `normal` unless given. */
  readonly synchronous?: Synchronous | undefined
}

/**
 * A store in a database that is open already, beside other tables perhaps. Its settings (journal
 * mode, `synchronous`, busy timeout) stay as they are, and closing it is up to you.
 */
export interface SqliteDatabaseOptions extends SqliteStoreSettings {
  /** Of better-sqlite3, libsql or node:sqlite. */
  readonly database: SqliteDatabase
}

/** A store in SQLite. */
export interface SqliteStore {
  /** For `createKeys({ store })`. */
  readonly keys: KeyStore
  /** For `lazu({ ledger })`. */
  readonly ledger: SqliteLedger
  /** For `lazu({ requestLog })`. */
  readonly requestLog: SqliteRequestLog
  /** Lets what waits for another process end, writes the rest of the request log, and closes. */
  close(): Promise<void>
}

const keptError = 'Write a whole number from 0 up'
const pathError = 'Name a file'
const synchronousError = "Write 'normal' or 'full'"
const databaseError = 'Give an open database of better-sqlite3, libsql or node:sqlite'

const settingsShape = {
  busyTimeout: z.union([z.number(), z.string()]).optional(),
  keptRequests: z.int({ error: keptError }).min(0, { error: keptError }).optional(),
  clock: z
    .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock, or leave it out')
    .optional(),
}

const fileSchema = z.strictObject({
  path: z
    .string({ error: pathError })
    .min(1, { error: pathError })
    .refine((path) => !path.includes('\0'), { error: pathError }),
  synchronous: z.enum(['normal', 'full'], { error: synchronousError }).optional(),
  ...settingsShape,
})

const databaseSchema = z.strictObject({
  database: z.custom<SqliteDatabase>(hasMethods('exec', 'prepare', 'close'), databaseError),
  ...settingsShape,
})

/**
 * Opens a store in a SQLite file, and makes what is not there yet. Several processes may use one
 * file at once.
 *
 * @throws ConfigurationError for a mistake in the options, and for a file that cannot be used: it is
 *   read-only, no database, damaged, locked, on a full disk, or was written by a newer version
 * @example
 * ```ts
 * const store = sqliteStore({ path: 'gateway.db' })
 * const keys = createKeys({ store: store.keys })
 * const gateway = lazu({ keys, ledger: store.ledger, requestLog: store.requestLog, prices })
 * ```
 */
export function sqliteStore(options: SqliteFileOptions | SqliteDatabaseOptions): SqliteStore {
  const path = 'sqliteStore()'
  const checked = checkStoreOptions(options, path)
  const busyTimeoutMs = durationMs(checked.busyTimeout ?? '1s', `${path}.busyTimeout`)
  const parts: Parts = { ...checked, busyTimeoutMs }
  if ('database' in checked) {
    const { database } = checked
    return opening(`${path}.database`, () => storeOn(database, `${path}.database`, parts))
  }
  const name = `${path}.path ${JSON.stringify(checked.path)}`
  return opening(name, () => storeInFile(checked, name, parts))
}

function checkStoreOptions(
  options: SqliteFileOptions | SqliteDatabaseOptions,
  path: string,
): SqliteFileOptions | SqliteDatabaseOptions {
  if (typeof options === 'object' && options !== null && 'database' in options) {
    return checkOptions<SqliteDatabaseOptions>(databaseSchema, options, path)
  }
  return checkOptions<SqliteFileOptions>(fileSchema, options, path)
}

interface Parts extends SqliteStoreSettings {
  readonly busyTimeoutMs: number
}

function storeInFile(file: SqliteFileOptions, name: string, parts: Parts): SqliteStore {
  const database = openDatabase(file.path, name, file.synchronous ?? 'normal')
  try {
    const store = storeOn(database, name, parts)
    // From now on whoever waits for another process does so without holding the event loop.
    database.exec('PRAGMA busy_timeout = 0')
    return {
      ...store,
      async close() {
        await store.close()
        database.close()
      },
    }
  } catch (error) {
    database.close()
    throw error
  }
}

function storeOn(database: SqliteDatabase, name: string, parts: Parts): SqliteStore {
  const { busyTimeoutMs, keptRequests = 100_000, clock = machineTimes } = parts
  const connection = new Connection(database, busyTimeoutMs)
  migrate(connection, name)
  const storeClock = connection.inTransaction(() => storeClockOf(connection, clock))
  const requestLog = new SqliteRequestLog(connection, keptRequests)
  return {
    keys: new SqliteKeyStore(connection),
    ledger: new SqliteLedger(connection, storeClock),
    requestLog,
    async close() {
      await requestLog.close()
      await connection.end()
    },
  }
}
