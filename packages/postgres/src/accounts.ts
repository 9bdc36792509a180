import type { AccountBalance, AccountPage, Balance } from '@lazu/core'
import type { Database } from './database.js'
import { integer, text, type Row } from './rows.js'
import { encodeText } from './text.js'

/** Reads what accounts have. */
export class Accounts {
  readonly #database: Database
  readonly #balances: string

  constructor(database: Database) {
    const { schema } = database
    this.#database = database
    // The time is a value of its own, read once: an index cannot be searched for one that changes.
    this.#balances = `SELECT name, granted, settled, held - coalesce((
        SELECT sum(amount) FROM ${schema}.reservations
        WHERE account = accounts.number AND ended IS NULL
          AND expires_at <= (SELECT coalesce($1, ${schema}.now_ms()))
      ), 0) AS held FROM ${schema}.accounts`
  }

  /** An account's money; zeros for one that is not there. */
  async balance(account: string): Promise<Balance> {
    const sql = `${this.#balances} WHERE name = $2`
    const [row] = await this.#database.read(sql, this.#database.nowMs(), encodeText(account))
    return row === undefined ? { granted: 0, settled: 0, held: 0, available: 0 } : balanceOf(row)
  }

  /** A page of accounts, in the order of their bytes. */
  async page({ after, limit }: AccountPage): Promise<AccountBalance[]> {
    const nowMs = this.#database.nowMs()
    const rows = await (after === undefined
      ? this.#database.read(`${this.#balances} ORDER BY name LIMIT $2`, nowMs, limit)
      : this.#database.read(
          `${this.#balances} WHERE name > $3 ORDER BY name LIMIT $2`,
          nowMs,
          limit,
          encodeText(after),
        ))
    return rows.map((row) => ({ account: text(row, 'name'), ...balanceOf(row) }))
  }
}

/** The money in a row. */
export function balanceOf(row: Row): Balance {
  const granted = integer(row, 'granted')
  const settled = integer(row, 'settled')
  const held = integer(row, 'held')
  return { granted, settled, held, available: granted - settled - held }
}
