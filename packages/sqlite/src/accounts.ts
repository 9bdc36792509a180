import type { Balance } from '@lazu/core'
import { checkAmount } from '@lazu/core/stores'
import type { Connection, Statement } from './connection.js'
import { integer, text, type Row } from './database.js'

/** An account as it stands in the file. */
export interface Account {
  readonly number: number
  readonly granted: number
  readonly settled: number
  readonly held: number
}

/** The accounts and their credits; within a transaction. */
export class Accounts {
  readonly #byName: Statement
  readonly #insert: Statement
  readonly #hold: Statement
  readonly #giveBack: Statement
  readonly #charge: Statement
  readonly #setGranted: Statement
  readonly #findCredit: Statement
  readonly #addCredit: Statement
  readonly #firstPage: Statement
  readonly #nextPage: Statement

  constructor(connection: Connection) {
    this.#byName = connection.prepare(
      'SELECT number, granted, settled, held FROM lazu_accounts WHERE name = ?',
    )
    this.#insert = connection.prepare('INSERT INTO lazu_accounts (name) VALUES (?)')
    this.#hold = connection.prepare(
      'UPDATE lazu_accounts SET held = held + ? ' +
        'WHERE name = ? AND granted - settled - held >= ? RETURNING number',
    )
    this.#giveBack = connection.prepare('UPDATE lazu_accounts SET held = held - ? WHERE number = ?')
    this.#charge = connection.prepare(
      'UPDATE lazu_accounts SET settled = settled + ?, held = held - ? WHERE number = ? ' +
        'RETURNING settled',
    )
    this.#setGranted = connection.prepare('UPDATE lazu_accounts SET granted = ? WHERE number = ?')
    this.#findCredit = connection.prepare(
      'SELECT amount FROM lazu_credits WHERE account = ? AND reference = ?',
    )
    this.#addCredit = connection.prepare(
      'INSERT INTO lazu_credits (account, reference, amount, credited_at_ms) VALUES (?, ?, ?, ?)',
    )
    const page = (where: string): Statement =>
      connection.prepare(
        `SELECT CAST(name AS BLOB) AS name FROM lazu_accounts ${where} ` +
          'ORDER BY lazu_accounts.name LIMIT ?',
      )
    this.#firstPage = page('')
    this.#nextPage = page('WHERE lazu_accounts.name > ?')
  }

  find(name: string): Account | undefined {
    const row = this.#byName.get(name)
    return row === undefined ? undefined : accountOf(row)
  }

  /** Holds an amount, if the account's balance covers it. Returns the account's number if so. */
  hold(name: string, amount: number): number | undefined {
    const row = this.#hold.get(amount, name, amount)
    return row === undefined ? undefined : integer(row, 'number')
  }

  /** Makes an account that has nothing. */
  open(name: string): Account {
    this.#insert.run(name)
    const account = this.find(name)
    if (account === undefined) throw new Error('the account that was just made is not there')
    return account
  }

  /** Gives back what was held. */
  giveBack(number: number, held: number): void {
    this.#giveBack.run(held, number)
  }

  /**
   * Charges an amount in the place of what was held.
   *
   * @throws RangeError when the sum becomes too large to be exact
   */
  charge(number: number, held: number, amount: number): void {
    const row = this.#charge.get(amount, held, number)
    if (row === undefined) throw new Error(`there is no account ${number}`)
    checkAmount('amount added to what was charged before', integer(row, 'settled'))
  }

  wasCredited(number: number, reference: string): boolean {
    return this.#findCredit.get(number, reference) !== undefined
  }

  credit(number: number, granted: number, reference: string, amount: number, atMs: number): void {
    this.#setGranted.run(granted, number)
    this.#addCredit.run(number, reference, amount, atMs)
  }

  /** Names in the order of their bytes. */
  page(after: string | undefined, limit: number): string[] {
    const rows = after === undefined ? this.#firstPage.all(limit) : this.#nextPage.all(after, limit)
    return rows.map((row) => text(row, 'name'))
  }
}

/** The money of an account; zeros for one that is not there. */
export function balanceOf(account: Omit<Account, 'number'> | undefined): Balance {
  if (account === undefined) return { granted: 0, settled: 0, held: 0, available: 0 }
  const { granted, settled, held } = account
  return { granted, settled, held, available: granted - settled - held }
}

function accountOf(row: Row): Account {
  return {
    number: integer(row, 'number'),
    granted: integer(row, 'granted'),
    settled: integer(row, 'settled'),
    held: integer(row, 'held'),
  }
}
