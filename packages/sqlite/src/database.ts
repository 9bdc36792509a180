/** What can be bound to a statement. */
export type SqlValue = string | number | null

/** A prepared statement, as better-sqlite3, libsql and node:sqlite have it. */
export interface SqliteStatement {
  run(...parameters: SqlValue[]): unknown
  get(...parameters: SqlValue[]): unknown
  all(...parameters: SqlValue[]): unknown[]
}

/**
 * An open SQLite database: `new Database(path)` of better-sqlite3 or libsql, or `new
 * DatabaseSync(path)` of node:sqlite.
 */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

/** A row of a result, its columns by name. */
export type Row = Readonly<Record<string, unknown>>

/** A value of a result as a row; undefined when there was none. */
export function rowOf(value: unknown): Row | undefined {
  return isRow(value) ? value : undefined
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}

/**
 * A column as a whole number.
 *
 * @throws RangeError when it is none that a number holds exactly
 */
export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new RangeError(`the column ${column} is no whole number: ${String(value)}`)
}

/** A column as a whole number, undefined when it is NULL. */
export function integerOrNothing(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column)
}

const decoder = new TextDecoder()

/**
 * A column as text. Where the text may hold a NUL the statement casts it to a BLOB: some drivers end
 * a text there.
 *
 * @throws TypeError when it is none
 */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  // libsql gives an ArrayBuffer where it gives all rows at once.
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return decoder.decode(value)
  throw new TypeError(`the column ${column} is no text`)
}

/** A column as text, undefined when it is NULL. */
export function textOrNothing(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}
