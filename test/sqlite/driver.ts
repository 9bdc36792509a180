import { createRequire } from 'node:module'
import type { SqliteDatabase, SqliteStatement } from '@lazu/sqlite'

/** A row of whatever has a name and an amount. */
export interface Row {
  readonly name: string
  readonly amount: number
}

/** A file that is open in this thread, as the tests ask it. */
interface OpenFile extends SqliteDatabase {
  prepare(sql: string): { all(): Row[] } & SqliteStatement
}

// It stands where the package that depends on it does.
const require = createRequire(new URL('../../packages/sqlite/package.json', import.meta.url))

/** The driver of `@lazu/sqlite`. */
export const Database: new (path: string) => OpenFile = require('libsql')
