import {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkTokens,
  checkTtlMs,
  insufficientQuota,
  keyQuotaExceeded,
  quotaConflict,
  type AccountBalance,
  type AccountPage,
  type Balance,
  type ChargedTokens,
  type Ledger,
  type Movement,
  type Reservation,
  type ReserveRequest,
  type Settled,
  type UsageQuery,
  type UsageSum,
} from '@lazu/core'
import { Accounts, balanceOf } from './accounts.js'
import { compact } from './compaction.js'
import type { Database } from './database.js'
import { movementsOf } from './movements.js'
import { integer } from './rows.js'
import { encodeText } from './text.js'
import { usageSums } from './usage-sums.js'

/**
 * A ledger in PostgreSQL. Every step is one statement and one transaction, so that servers that
 * share a database are exact together; none holds a lock while it waits for a server.
 *
 * - A reservation expires by the database's clock. No server's clock decides anything.
 * - A charge counts in the day and the month (UTC) in which it is settled, whenever it was reserved.
 *   What a key holds counts against each of its caps.
 * - Every movement is kept until it is compacted. The view `movements` lists them all.
 */
export class PostgresLedger implements Ledger {
  readonly #database: Database
  readonly #accounts: Accounts

  /** Made by `postgresStore`. */
  constructor(database: Database) {
    this.#database = database
    this.#accounts = new Accounts(database)
  }

  /**
   * Holds an amount. See `Ledger.reserve`. The balance is looked at first, then the caps: total,
   * month, day.
   *
   * @throws GatewayError `insufficient_quota`, `key_quota_exceeded`, `quota_conflict` or
   *   `store_write_failed`
   * @throws RangeError for an amount, cap or ttlMs that is none
   */
  async reserve(request: ReserveRequest): Promise<Reservation> {
    checkReserveRequest(request)
    const { id, account, key, amount, caps, ttlMs, model } = request
    const [row = {}] = await this.#database.write(
      `SELECT outcome, outcome_amount FROM ${this.#database.schema}.reserve(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      encodeText(id),
      encodeText(account),
      encodeText(key),
      amount,
      caps?.total ?? null,
      caps?.month ?? null,
      caps?.day ?? null,
      ttlMs,
      model === undefined ? null : encodeText(model),
      this.#database.nowMs(),
      this.#database.wallMs(),
    )
    const { outcome } = row
    if (outcome === 'conflict') throw quotaConflict()
    const told = integer(row, 'outcome_amount')
    if (outcome === 'insufficient') throw insufficientQuota(amount, told)
    if (outcome === 'total' || outcome === 'monthly' || outcome === 'daily') {
      throw keyQuotaExceeded(outcome, amount, told)
    }
    return { id, account, key, amount: told }
  }

  /**
   * Ends a reservation with a charge. See `Ledger.settle`.
   *
   * @throws GatewayError `store_write_failed`; whether it was charged then shows a second try
   * @throws RangeError for an amount or a number of tokens that is none, or that makes a sum too
   *   large to be exact; the reservation is open then as before
   */
  async settle(id: string, amount: number, tokens?: ChargedTokens): Promise<Settled | undefined> {
    checkAmount('amount', amount)
    if (tokens !== undefined) checkTokens(tokens)
    return this.#finish(id, amount, tokens)
  }

  /** Ends a reservation without a charge. See `Ledger.release`. */
  release(id: string): Promise<Settled | undefined> {
    return this.#finish(id, null, undefined)
  }

  /**
   * Holds an open reservation for `ttlMs` from now. See `Ledger.extend`.
   *
   * @throws RangeError for a ttlMs that is none
   */
  async extend(id: string, ttlMs: number): Promise<boolean> {
    checkTtlMs(ttlMs)
    const [row = {}] = await this.#database.write(
      `SELECT ${this.#database.schema}.extend($1, $2, $3)::int AS was_open`,
      encodeText(id),
      ttlMs,
      this.#database.nowMs(),
    )
    return integer(row, 'was_open') === 1
  }

  /** An account's money now. An account nobody credited has zeros. */
  balance(account: string): Promise<Balance> {
    return this.#accounts.balance(account)
  }

  /**
   * Adds to an account. The same reference on the same account adds once, whatever the amount.
   *
   * @throws RangeError for an amount that is none, or that makes the sum too large to be exact
   */
  async credit(account: string, amount: number, reference: string): Promise<Balance> {
    checkAmount('amount', amount)
    const [row = {}] = await this.#database.write(
      `SELECT outcome, granted, settled, held FROM ${this.#database.schema}.credit(
        $1, $2, $3, $4, $5)`,
      encodeText(account),
      amount,
      encodeText(reference),
      this.#database.nowMs(),
      this.#database.wallMs(),
    )
    if (row['outcome'] === 'account_full') throw tooMuch('what was credited before')
    return balanceOf(row)
  }

  /** Makes an account that has nothing. Whether it is new. */
  async createAccount(account: string): Promise<boolean> {
    const made = await this.#database.write(
      `INSERT INTO ${this.#database.schema}.accounts (name) VALUES ($1)
        ON CONFLICT DO NOTHING RETURNING number`,
      encodeText(account),
    )
    return made.length === 1
  }

  /** A page of accounts. See `Ledger.accounts`. */
  async accounts(page: AccountPage): Promise<readonly AccountBalance[]> {
    checkPageLimit(page.limit)
    return this.#accounts.page(page)
  }

  /**
   * What was spent. See `Ledger.usage`.
   *
   * @throws RangeError for a date that is none
   */
  usage(query: UsageQuery): Promise<readonly UsageSum[]> {
    return usageSums(this.#database, query)
  }

  /** What happened to a reservation. See `Ledger.movements`. */
  movements(id: string): Promise<readonly Movement[]> {
    return movementsOf(this.#database, id)
  }

  /**
   * Deletes the movements of reservations that ended before a day (UTC), `2026-11-21`. Balances,
   * caps, `usage` and credits stay as they are; whether a reservation of then was settled can no
   * longer be told. Works in small steps, between which others are served.
   *
   * @returns how many reservations it deleted
   * @throws RangeError for a date that is none
   */
  compact(before: string): Promise<number> {
    return compact(this.#database, before)
  }

  async #finish(
    id: string,
    amount: number | null,
    tokens: ChargedTokens | undefined,
  ): Promise<Settled | undefined> {
    const [row = {}] = await this.#database.write(
      `SELECT outcome, outcome_amount FROM ${this.#database.schema}.finish(
        $1, $2, $3, $4, $5, $6)`,
      encodeText(id),
      amount,
      tokens?.inputTokens ?? null,
      tokens?.outputTokens ?? null,
      this.#database.nowMs(),
      this.#database.wallMs(),
    )
    const { outcome } = row
    if (outcome === 'account_full') throw tooMuch('what was charged before')
    if (outcome === 'key_full') throw tooMuch('what the key spent before')
    if (outcome !== 'settled' && outcome !== 'released' && outcome !== 'expired') return undefined
    return { id, ended: outcome, amount: integer(row, 'outcome_amount') }
  }
}

function tooMuch(added: string): RangeError {
  return new RangeError(
    `amount added to ${added} must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`,
  )
}
