import type { KeySpendingState } from '@lazu/core'
import type { Connection, Statement } from './connection.js'
import { integer, type Row } from './database.js'

/** A key's spending as it stands in the file. */
export interface KeyRow extends KeySpendingState {
  readonly number: number
}

/** What each key has spent and holds; within a transaction. */
export class Spending {
  readonly #byKey: Statement
  readonly #byNumber: Statement
  readonly #insert: Statement
  readonly #hold: Statement
  readonly #set: Statement

  constructor(connection: Connection) {
    const columns =
      'SELECT number, spent, held, day, day_spent, month, month_spent FROM lazu_spending'
    this.#byKey = connection.prepare(`${columns} WHERE key_id = ?`)
    this.#byNumber = connection.prepare(`${columns} WHERE number = ?`)
    this.#insert = connection.prepare('INSERT INTO lazu_spending (key_id) VALUES (?)')
    this.#hold = connection.prepare('UPDATE lazu_spending SET held = held + ? WHERE number = ?')
    this.#set = connection.prepare(
      'UPDATE lazu_spending SET spent = ?, held = ?, day = ?, day_spent = ?, month = ?, ' +
        'month_spent = ? WHERE number = ?',
    )
  }

  find(keyId: string): KeyRow | undefined {
    const row = this.#byKey.get(keyId)
    return row === undefined ? undefined : keyOf(row)
  }

  /** The key of a reservation. */
  get(number: number): KeyRow {
    const row = this.#byNumber.get(number)
    if (row === undefined) throw new Error(`there is no spending of the key ${number}`)
    return keyOf(row)
  }

  /** Begins to count for a key. */
  open(keyId: string): KeyRow {
    this.#insert.run(keyId)
    const key = this.find(keyId)
    if (key === undefined) throw new Error('the spending that was just begun is not there')
    return key
  }

  /** @param amount negative when it is given back */
  hold(number: number, amount: number): void {
    this.#hold.run(amount, number)
  }

  set(number: number, { spent, held, day, month }: KeySpendingState): void {
    this.#set.run(spent, held, day.number, day.spent, month.number, month.spent, number)
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
