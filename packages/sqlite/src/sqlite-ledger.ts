import {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkTokens,
  checkTtlMs,
  insufficientQuota,
  KeySpending,
  quotaConflict,
  UtcCalendar,
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
import { Accounts, balanceOf, checkName } from './accounts.js'
import { compact } from './compaction.js'
import type { Connection } from './connection.js'
import { UsageSums } from './usage-sums.js'
import { Expiry } from './expiry.js'
import { Reservations } from './reservations.js'
import { Spending } from './spending.js'
import type { StoreClock } from './store-clock.js'

/**
 * A ledger in a SQLite file. Every step is one transaction, so that several processes on the file
 * are exact together. A step answers at once, unless another process is writing at that moment.
 *
 * - A reservation expires by the machine's monotonic time, whatever happens to the wall clock. After
 *   the machine was started again, those that were open then are over, or will be after their
 *   `ttlMs` at the latest.
 * - A charge counts in the day and the month (UTC) in which it is settled, whenever it was reserved.
 *   What a key holds counts against each of its caps.
 * - Every movement is kept until it is compacted. The view `lazu_movements` lists them all.
 */
export class SqliteLedger implements Ledger {
  /** See `Ledger.deadlineMs`: `busyTimeout` and a little more. */
  readonly deadlineMs: number
  readonly #connection: Connection
  readonly #clock: StoreClock
  readonly #calendar: UtcCalendar
  readonly #accounts: Accounts
  readonly #spending: Spending
  readonly #reservations: Reservations
  readonly #expiry: Expiry
  readonly #usage: UsageSums

  /** Made by `sqliteStore`. */
  constructor(connection: Connection, clock: StoreClock) {
    this.deadlineMs = connection.deadlineMs
    this.#connection = connection
    this.#clock = clock
    this.#calendar = new UtcCalendar(clock)
    this.#accounts = new Accounts(connection)
    this.#spending = new Spending(connection)
    this.#reservations = new Reservations(connection)
    this.#expiry = new Expiry(connection, clock)
    this.#usage = new UsageSums(connection)
  }

  /**
   * Holds an amount. See `Ledger.reserve`. The balance is looked at first, then the caps: total,
   * month, day.
   *
   * @throws GatewayError `insufficient_quota`, `key_quota_exceeded`, `quota_conflict` or
   *   `store_write_failed`
   * @throws RangeError for an amount, cap, ttlMs or name that is none
   */
  reserve(request: ReserveRequest): Reservation | Promise<Reservation> {
    checkReserveRequest(request)
    const { id, amount, caps, ttlMs, model } = request
    checkName('id', id)
    checkName('account', request.account)
    checkName('key', request.key)
    return this.#connection.write(() => {
      const nowMs = this.#expiry.expire()
      const reservation = { id, account: request.account, key: request.key, amount }

      const earlier = this.#reservations.find(id)
      if (earlier !== undefined) {
        const isSame =
          earlier.account === this.#accounts.find(request.account)?.number &&
          earlier.key === this.#spending.find(request.key)?.number
        if (isSame && earlier.ended === undefined) return { ...reservation, amount: earlier.amount }
        throw quotaConflict()
      }

      const account = this.#holdFrom(request.account, amount)
      if (caps !== undefined) {
        new KeySpending(this.#spending.find(request.key)).check(amount, caps, this.#calendar)
      }
      const key = this.#spending.hold(request.key, amount)
      const reservedAtMs = this.#clock.wallMs()
      const expiresAt = nowMs + ttlMs
      this.#reservations.add({
        id,
        account,
        key,
        amount,
        model,
        reservedAtMs,
        heldAt: nowMs,
        expiresAt,
      })
      return reservation
    })
  }

  /**
   * Ends a reservation with a charge. See `Ledger.settle`.
   *
   * @throws GatewayError `store_write_failed`; whether it was charged then shows a second try
   * @throws RangeError for an amount or a number of tokens that is none, or that makes a sum too
   *   large to be exact; the reservation is open then as before
   */
  settle(
    id: string,
    amount: number,
    tokens?: ChargedTokens,
  ): Settled | undefined | Promise<Settled | undefined> {
    checkAmount('amount', amount)
    if (tokens !== undefined) checkTokens(tokens)
    return this.#connection.write(() => {
      this.#expiry.expire()
      const open = this.#reservations.settle(id, this.#clock.wallMs(), amount, tokens)
      if (open === undefined) return this.#reservations.find(id)?.ended
      this.#accounts.charge(open.account, open.amount, amount)
      const day = this.#calendar.day()
      this.#spending.charge(open.key, open.amount, amount, day, this.#calendar.monthOf(day))
      this.#usage.add(id, day, amount, tokens)
      return { id, ended: 'settled', amount }
    })
  }

  /** Ends a reservation without a charge. See `Ledger.release`. */
  release(id: string): Settled | undefined | Promise<Settled | undefined> {
    return this.#connection.write(() => {
      this.#expiry.expire()
      const open = this.#reservations.release(id, this.#clock.wallMs())
      if (open === undefined) return this.#reservations.find(id)?.ended
      this.#accounts.giveBack(open.account, open.amount)
      this.#spending.giveBack(open.key, open.amount)
      return { id, ended: 'released', amount: 0 }
    })
  }

  /**
   * Holds an open reservation for `ttlMs` from now. See `Ledger.extend`.
   *
   * @throws RangeError for a ttlMs that is none
   */
  extend(id: string, ttlMs: number): boolean | Promise<boolean> {
    checkTtlMs(ttlMs)
    return this.#connection.write(() => {
      const nowMs = this.#expiry.expire()
      return this.#reservations.extend(id, nowMs, nowMs + ttlMs)
    })
  }

  /** An account's money now. An account nobody credited has zeros. */
  balance(account: string): Balance | Promise<Balance> {
    return this.#connection.read(() => this.#balance(account))
  }

  /**
   * Adds to an account. The same reference on the same account adds once, whatever the amount. It is
   * on the disk when this returns.
   *
   * @throws RangeError for an amount or a name that is none, or an amount that makes the sum too
   *   large to be exact
   */
  credit(account: string, amount: number, reference: string): Balance | Promise<Balance> {
    checkAmount('amount', amount)
    checkName('account', account)
    checkName('reference', reference)
    return this.#connection.write(() => {
      this.#expiry.expire()
      const known = this.#accounts.find(account)
      if (known !== undefined && this.#accounts.wasCredited(known.number, reference)) {
        return balanceOf(known)
      }
      const granted = (known?.granted ?? 0) + amount
      checkAmount('amount added to what was credited before', granted)
      const credited = known ?? this.#accounts.open(account)
      this.#accounts.credit(credited.number, granted, reference, amount, this.#clock.wallMs())
      return balanceOf({ ...credited, granted })
    }, 'synced')
  }

  /** Makes an account that has nothing. Whether it is new. */
  createAccount(account: string): boolean | Promise<boolean> {
    checkName('account', account)
    return this.#connection.write(() => {
      if (this.#accounts.find(account) !== undefined) return false
      this.#accounts.open(account)
      return true
    }, 'synced')
  }

  /** A page of accounts. See `Ledger.accounts`. */
  accounts({
    after,
    limit,
  }: AccountPage): readonly AccountBalance[] | Promise<readonly AccountBalance[]> {
    checkPageLimit(limit)
    return this.#connection.read(() =>
      this.#accounts.page(after, limit).map((account) => ({ account, ...this.#balance(account) })),
    )
  }

  /**
   * What was spent. See `Ledger.usage`.
   *
   * @throws RangeError for a date that is none
   */
  usage(query: UsageQuery): readonly UsageSum[] | Promise<readonly UsageSum[]> {
    return this.#usage.sums(query)
  }

  /** What happened to a reservation. See `Ledger.movements`. */
  movements(id: string): readonly Movement[] | Promise<readonly Movement[]> {
    return this.#connection.read(() => {
      return this.#reservations.movements(id, this.#expiry.overdueSinceMs(id))
    })
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
    return compact(this.#connection, this.#clock, before)
  }

  /**
   * Holds an amount of an account. Returns the account's number.
   *
   * @throws GatewayError `insufficient_quota`
   */
  #holdFrom(name: string, amount: number): number {
    const held = this.#accounts.hold(name, amount)
    if (held !== undefined) return held
    const account = this.#accounts.find(name)
    if (account === undefined && amount === 0) return this.#accounts.open(name).number
    throw insufficientQuota(amount, balanceOf(account).available)
  }

  #balance(name: string): Balance {
    const account = this.#accounts.find(name)
    if (account === undefined) return balanceOf(undefined)
    return balanceOf({ ...account, held: account.held - this.#expiry.overdue(account.number) })
  }
}
