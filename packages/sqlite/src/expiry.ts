import type { Connection, Statement } from './connection.js'
import { integer } from './database.js'
import type { StoreClock } from './store-clock.js'

/** Ends the reservations whose time is over; within a transaction. */
export class Expiry {
  readonly #clock: StoreClock
  readonly #anyDue: Statement
  readonly #giveBackToAccounts: Statement
  readonly #giveBackToKeys: Statement
  readonly #end: Statement
  readonly #overdue: Statement
  readonly #expiresAt: Statement
  #nothingDueAtMs: number | undefined

  constructor(connection: Connection, clock: StoreClock) {
    this.#clock = clock
    const due = 'ended IS NULL AND expires_at <= ?'
    this.#anyDue = connection.prepare(`SELECT 1 FROM lazu_reservations WHERE ${due} LIMIT 1`)
    const giveBack = (table: string, column: string): Statement =>
      connection.prepare(
        `UPDATE ${table} SET held = held - due.amount FROM ` +
          `(SELECT ${column} AS owner, sum(amount) AS amount FROM lazu_reservations ` +
          `WHERE ${due} GROUP BY ${column}) AS due WHERE number = due.owner`,
      )
    this.#giveBackToAccounts = giveBack('lazu_accounts', 'account')
    this.#giveBackToKeys = giveBack('lazu_spending', 'key')
    this.#end = connection.prepare(
      "UPDATE lazu_reservations SET ended = 'expired', ended_at_ms = expires_at + ? " +
        `WHERE ${due}`,
    )
    this.#overdue = connection.prepare(
      `SELECT coalesce(sum(amount), 0) AS amount FROM lazu_reservations WHERE ${due} ` +
        'AND account = ?',
    )
    this.#expiresAt = connection.prepare(
      `SELECT expires_at FROM lazu_reservations WHERE ${due} AND id = ?`,
    )
  }

  /** Ends what is over. Returns the store's time it is. */
  expire(): number {
    const nowMs = this.#clock.nowMs()
    // Whatever was reserved since, here or elsewhere, is held for a millisecond at least.
    if (nowMs === this.#nothingDueAtMs) return nowMs
    if (this.#anyDue.get(nowMs) === undefined) {
      this.#nothingDueAtMs = nowMs
      return nowMs
    }
    this.#giveBackToAccounts.run(nowMs)
    this.#giveBackToKeys.run(nowMs)
    this.#end.run(this.#wallMinusStoreMs(nowMs), nowMs)
    return nowMs
  }

  /** What an account's reservations hold that are over and not ended yet. */
  overdue(account: number): number {
    const row = this.#overdue.get(this.#clock.nowMs(), account)
    return row === undefined ? 0 : integer(row, 'amount')
  }

  /** The wall time at which a reservation was over that is not ended yet; undefined if it is not. */
  overdueSinceMs(id: string): number | undefined {
    const nowMs = this.#clock.nowMs()
    const row = this.#expiresAt.get(nowMs, id)
    return row === undefined
      ? undefined
      : integer(row, 'expires_at') + this.#wallMinusStoreMs(nowMs)
  }

  #wallMinusStoreMs(nowMs: number): number {
    return this.#clock.wallMs() - nowMs
  }
}
