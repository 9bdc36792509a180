export type { SqliteDatabase, SqliteStatement, SqlValue } from './database.js'
export type { Synchronous } from './open-database.js'
export { sqliteStore } from './sqlite-store.js'
export type {
  SqliteDatabaseOptions,
  SqliteFileOptions,
  SqliteStore,
  SqliteStoreSettings,
} from './sqlite-store.js'
export type { SqliteLedger, SqliteRequestLog } from './store-parts.js'
