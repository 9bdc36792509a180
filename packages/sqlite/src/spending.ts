import type { KeySpendingState } from '@lazu/core'
import { checkAmount } from '@lazu/core/stores'
import type { Connection, Statement } from './connection.js'
import { integer, type Row } from './database.js'

/** A key's spending as it stands in the file. */
export interface KeyRow extends KeySpendingState {
  readonly number: number
}

/**
 * What each key has spent and holds; within a transaction. Only a key with caps is read before
 * something is held for it: a row that is read costs more than a small statement.
 */
export class Spending {
  readonly #byKey: Statement
  readonly #insert: Statement
  readonly #hold: Statement
  readonly #giveBack: Statement
  readonly #charge: Statement

  constructor(connection: Connection) {
    this.#byKey = connection.prepare(
      'SELECT number, spent, held, day, day_spent, month, month_spent FROM lazu_spending ' +
        'WHERE key_id = ?',
    )
    this.#insert = connection.prepare('INSERT INTO lazu_spending (key_id) VALUES (?)')
    this.#hold = connection.prepare(
      'UPDATE lazu_spending SET held = held + ? WHERE key_id = ? RETURNING number',
    )
    this.#giveBack = connection.prepare('UPDATE lazu_spending SET held = held - ? WHERE number = ?')
    // As KeySpending counts: a window is kept when the clock was set back by less than it.
    this.#charge = connection.prepare(
      'UPDATE lazu_spending SET spent = spent + ?, held = held - ?, ' +
        'day_spent = ? + CASE WHEN ? > day THEN 0 ELSE day_spent END, ' +
        'day = CASE WHEN ? BETWEEN day - 1 AND day THEN day ELSE ? END, ' +
        'month_spent = ? + CASE WHEN ? > month THEN 0 ELSE month_spent END, ' +
        'month = CASE WHEN ? BETWEEN month - 1 AND month THEN month ELSE ? END ' +
        'WHERE number = ? RETURNING spent',
    )
  }

  /** What a key has spent and holds; undefined before its first reservation. */
  find(keyId: string): KeyRow | undefined {
    const row = this.#byKey.get(keyId)
    return row === undefined ? undefined : keyOf(row)
  }

  /** Holds an amount for a key. Returns the key's number. */
  hold(keyId: string, amount: number): number {
    const row = this.#hold.get(amount, keyId)
    if (row !== undefined) return integer(row, 'number')
    this.#insert.run(keyId)
    return this.hold(keyId, amount)
  }

  /** Gives back what was held. */
  giveBack(number: number, held: number): void {
    this.#giveBack.run(held, number)
  }

  /**
   * Charges an amount in the place of what was held.
   *
   * @param day in days since 1970
   * @param month in months, as `UtcCalendar.monthOf` counts them
   * @throws RangeError when the sum becomes too large to be exact
   */
  charge(number: number, held: number, amount: number, day: number, month: number): void {
    const days = [amount, day, day, day]
    const months = [amount, month, month, month]
    const row = this.#charge.get(amount, held, ...days, ...months, number)
    if (row === undefined) throw new Error(`there is no spending of the key ${number}`)
    checkAmount('amount added to what the key spent before', integer(row, 'spent'))
  }
}

function keyOf(row: Row): KeyRow {
  return {
    number: integer(row, 'number'),
    spent: integer(row, 'spent'),
    held: integer(row, 'held'),
    day: { number: integer(row, 'day'), spent: integer(row, 'day_spent') },
    month: { number: integer(row, 'month'), spent: integer(row, 'month_spent') },
  }
}
