import { resolve } from 'node:path'
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
import { DatabaseStore } from './database-store.js'
import { migrate } from './migrations.js'
import { inMemory, openDatabase, opening, type Synchronous } from './open-database.js'
import { machineTimes, storeClockOf, type StoreClock, type StoreTimes } from './store-clock.js'
import type { SqliteLedger, SqliteRequestLog } from './store-parts.js'
import { StoreThread } from './thread/store-thread.js'
import { ThreadKeyStore } from './thread/thread-key-store.js'
import { ThreadLedger } from './thread/thread-ledger.js'
import { ThreadRequestLog } from './thread/thread-request-log.js'

/**
 * What a step in a thread may take beside waiting for other processes, in milliseconds: others are
 * before it, and the thread may have to be started.
 */
const threadTimeMs = 500

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

/** A store in a file of its own, which a thread of its own has open. */
export interface SqliteFileOptions extends SqliteStoreSettings {
  /** The file; it is made when it is not there. Its folder must be. */
  readonly path: string
  /** How sure a commit is when the power fails; `normal` unless given. */
  readonly synchronous?: Synchronous | undefined
}

/**
 * A store in a database that is open already, beside other tables perhaps. It works in the calling
 * thread, and holds the event loop with every step. Its settings (journal
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
  /**
   * Lets the calls made before end, writes the rest of the request log, and closes. Calls made
   * afterwards fail.
   */
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
 * file at once. A store with a `path` does its work in a thread of its own, which ends with `close()`
 * or with the process.
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
  const parts: Parts = { ...checked, busyTimeoutMs, keptRequests: checked.keptRequests ?? 100_000 }
  if ('database' in checked) {
    const { database } = checked
    return opening(`${path}.database`, () => storeOn(database, `${path}.database`, parts))
  }
  const name = `${path}.path ${JSON.stringify(checked.path)}`
  return opening(name, () =>
    checked.path === inMemory ? storeInMemory(name, parts) : storeInFile(checked, name, parts),
  )
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
  readonly keptRequests: number
}

interface Prepared {
  readonly connection: Connection
  readonly clock: StoreClock
}

/** A file that several connections can have open has a thread of its own. */
function storeInFile(file: SqliteFileOptions, name: string, parts: Parts): SqliteStore {
  const { synchronous = 'normal' } = file
  const path = resolve(file.path)
  const { clock, busyTimeoutMs, keptRequests } = parts
  // Here, so that what is wrong with the file stops the start.
  const database = openDatabase(path, name, synchronous)
  let clockOffsetMs: number
  try {
    clockOffsetMs = prepare(database, name, parts).clock.offsetMs
  } finally {
    database.close()
  }
  const settings = { path, synchronous, busyTimeoutMs, keptRequests, clockOffsetMs }
  const thread = new StoreThread(settings, clock)
  const deadlineMs = busyTimeoutMs + threadTimeMs
  return {
    keys: new ThreadKeyStore(thread, deadlineMs),
    ledger: new ThreadLedger(thread, deadlineMs),
    requestLog: new ThreadRequestLog(thread),
    close: () => thread.close(),
  }
}

/** What the `lazu` command asks stores that can be either. */
const goneWithTheProcess = { isInMemory: true } as const

/** A database in memory can be seen by this connection alone, which is in the calling thread. */
function storeInMemory(name: string, parts: Parts): SqliteStore {
  const database = openDatabase(inMemory, name, 'normal')
  const store = storeOn(database, name, parts)
  return {
    keys: Object.assign(store.keys, goneWithTheProcess),
    ledger: Object.assign(store.ledger, goneWithTheProcess),
    requestLog: store.requestLog,
    async close() {
      await store.close()
      database.close()
    },
  }
}

function storeOn(database: SqliteDatabase, name: string, parts: Parts): SqliteStore {
  const { connection, clock } = prepare(database, name, parts)
  return new DatabaseStore(connection, clock, parts.keptRequests, (warning) => {
    process.emitWarning(warning)
  })
}

/** Brings a database to the newest schema, and sets its clock. */
function prepare(database: SqliteDatabase, name: string, parts: Parts): Prepared {
  const times: StoreTimes = parts.clock ?? machineTimes
  const connection = new Connection(database, parts.busyTimeoutMs)
  migrate(connection, name)
  return { connection, clock: connection.inTransaction(() => storeClockOf(connection, times)) }
}
