import { decodeText } from './text.js'

/** A row of a result, its columns by name. */
export type Row = Readonly<Record<string, unknown>>

/** @throws TypeError when it is none */
export function rowOf(value: unknown): Row {
  if (isRow(value)) return value
  throw new TypeError('a row is no object')
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}

/**
 * A column as a whole number. A bigint is text in pg, or whatever a parser makes of it that was set
 * for the whole process.
 *
 * @throws RangeError when it is none that a number holds exactly
 */
export function integer(row: Row, column: string): number {
  const value = row[column]
  const isText = typeof value === 'string' && /^-?\d{1,16}$/.test(value)
  const number = isText || typeof value === 'bigint' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number
  throw new RangeError(`the column ${column} is no whole number: ${String(value)}`)
}

/** A column as a whole number, undefined when it is NULL. */
export function integerOrNothing(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column)
}

/**
 * A column as the text that was handed to `encodeText`.
 *
 * @throws TypeError when it is none
 */
export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return decodeText(value)
  throw new TypeError(`the column ${column} is no text`)
}

/** A column as text, undefined when it is NULL. */
export function textOrNothing(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}
