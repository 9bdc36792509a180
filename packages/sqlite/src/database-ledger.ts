import type {
  AccountBalance,
  AccountPage,
  Balance,
  ChargedTokens,
  Movement,
  Reservation,
  ReserveRequest,
  Settled,
  UsageQuery,
  UsageSum,
} from '@lazu/core'
import {
  checkAmount,
  insufficientQuota,
  KeySpending,
  quotaConflict,
  UtcCalendar,
} from '@lazu/core/stores'
import { Accounts, balanceOf } from './accounts.js'
import {
  checkAccountPage,
  checkCredit,
  checkExtend,
  checkName,
  checkReserve,
  checkSettle,
} from './arguments.js'
import { compact } from './compaction.js'
import type { Connection } from './connection.js'
import { UsageSums } from './usage-sums.js'
import { Expiry } from './expiry.js'
import { Reservations } from './reservations.js'
import { Spending } from './spending.js'
import type { StoreClock } from './store-clock.js'
import type { SqliteLedger } from './store-parts.js'

/** The ledger on a database of this thread. A step answers at once, unless another process writes. */
export class DatabaseLedger implements SqliteLedger {
  readonly deadlineMs: number
  readonly #connection: Connection
  readonly #clock: StoreClock
  readonly #calendar: UtcCalendar
  readonly #accounts: Accounts
  readonly #spending: Spending
  readonly #reservations: Reservations
  readonly #expiry: Expiry
  readonly #usage: UsageSums

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
    checkReserve(request)
    const { id, amount, caps, ttlMs, model } = request
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
   * @throws RangeError for an id, an amount or a number of tokens that is none, or that makes a sum
   *   too large to be exact; the reservation is open then as before
   */
  settle(
    id: string,
    amount: number,
    tokens?: ChargedTokens,
  ): Settled | undefined | Promise<Settled | undefined> {
    checkSettle(id, amount, tokens)
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
    checkName('id', id)
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
   * @throws RangeError for an id or a ttlMs that is none
   */
  extend(id: string, ttlMs: number): boolean | Promise<boolean> {
    checkExtend(id, ttlMs)
    return this.#connection.write(() => {
      const nowMs = this.#expiry.expire()
      return this.#reservations.extend(id, nowMs, nowMs + ttlMs)
    })
  }

  /** An account's money now. An account nobody credited has zeros. */
  balance(account: string): Balance | Promise<Balance> {
    checkName('account', account)
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
    checkCredit(account, amount, reference)
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
  accounts(page: AccountPage): readonly AccountBalance[] | Promise<readonly AccountBalance[]> {
    checkAccountPage(page)
    const { after, limit } = page
    return this.#connection.read(() =>
      this.#accounts.page(after, limit).map((account) => ({ account, ...this.#balance(account) })),
    )
  }

  /**
   * What was spent. See `Ledger.usage`.
   *
   * @throws RangeError for a name or a date that is none
   */
  usage(query: UsageQuery): readonly UsageSum[] | Promise<readonly UsageSum[]> {
    return this.#usage.sums(query)
  }

  /** What happened to a reservation. See `Ledger.movements`. */
  movements(id: string): readonly Movement[] | Promise<readonly Movement[]> {
    checkName('id', id)
    return this.#connection.read(() => {
      return this.#reservations.movements(id, this.#expiry.overdueSinceMs(id))
    })
  }

  /** See `SqliteLedger.compact`. */
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
