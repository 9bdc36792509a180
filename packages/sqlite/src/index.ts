export type { SqliteDatabase, SqliteStatement, SqlValue } from './database.js'
export type { Synchronous } from './open-database.js'
export { SqliteKeyStore } from './sqlite-key-store.js'
export { SqliteLedger } from './sqlite-ledger.js'
export { SqliteRequestLog } from './sqlite-request-log.js'
export { sqliteStore } from './sqlite-store.js'
export type {
  SqliteDatabaseOptions,
  SqliteFileOptions,
  SqliteStore,
  SqliteStoreSettings,
} from './sqlite-store.js'
