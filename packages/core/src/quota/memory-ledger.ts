import { systemClock, type Clock } from '../lib/clock.js'
import { AccountNames } from './account-names.js'
import {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkTokens,
  checkTtlMs,
} from './amount.js'
import { DailyUsage } from './daily-usage.js'
import { ExpiryQueue } from './expiry-queue.js'
import { KeySpending } from './key-spending.js'
import type {
  AccountBalance,
  AccountPage,
  Balance,
  ChargedTokens,
  Ledger,
  Movement,
  Reservation,
  ReserveRequest,
  Settled,
  UsageQuery,
  UsageSum,
} from './ledger.js'
import { availableOf, balanceOf, emptyAccount, type Account } from './memory-account.js'
import {
  movementsOf,
  reservationOf,
  settledOf,
  tokensOf,
  type Entry,
  type Key,
} from './memory-entry.js'
import { RecentMap } from './recent-map.js'
import { insufficientQuota, quotaConflict } from './refusals.js'
import { dayAt, UtcCalendar } from './utc-calendar.js'

/** What a MemoryLedger can be told. */
export interface MemoryLedgerOptions {
  /** The machine's own when left out. */
  readonly clock?: Clock | undefined
}

/**
 * A ledger in this process's memory: for one process, and for as long as it lives. Everything
 * happens synchronously.
 *
 * - A reservation expires by the monotonic clock, the very moment its time is over, without timers.
 * - A charge counts in the day and the month (UTC) in which it is settled, whenever it was reserved.
 *   What a key holds counts against each of its caps.
 * - How a reservation ended is remembered for ten minutes at least, unless there were 50,000 newer
 *   ones. References of credits are remembered for good: they are payments, which are few, and one
 *   that was forgotten could be paid out twice.
 * - What was charged is added up by day, account, key and model, for `usage`. Sums are kept for 92
 *   days, and older ones let go with the first charge of a new day.
 * - Otherwise it takes memory for each account and key in use, and for each open reservation.
 *
 * @example
 * ```ts
 * const ledger = new MemoryLedger()
 * ledger.credit('acme', usd(10), 'invoice-1')
 * ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: usd(0.5), ttlMs: 60_000 })
 * ledger.settle('r1', usd(0.2))
 * ledger.balance('acme').available // 9_800_000
 * ```
 */
export class MemoryLedger implements Ledger {
  readonly #clock: Clock
  readonly #calendar: UtcCalendar
  readonly #accounts = new Map<string, Account>()
  readonly #names = new AccountNames()
  readonly #keys = new Map<string, Key>()
  readonly #usage = new DailyUsage()
  /** The open ones, and those that ended of late. */
  readonly #reservations = new RecentMap<Entry>(10 * 60_000, 100_000)
  /** The open ones. */
  readonly #expiring = new ExpiryQueue<Entry>()

  constructor(options: MemoryLedgerOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#calendar = new UtcCalendar(this.#clock)
  }

  /**
   * Holds an amount. See {@link Ledger.reserve}. The balance is looked at first, then the caps:
   * total, month, day.
   *
   * @throws GatewayError `insufficient_quota`, `key_quota_exceeded` or `quota_conflict`
   * @throws RangeError for an amount, cap or ttlMs that is none
   */
  reserve(request: ReserveRequest): Reservation {
    checkReserveRequest(request)
    const nowMs = this.#expire()
    const { id, amount, caps } = request

    const earlier = this.#reservations.get(id)
    if (earlier !== undefined) {
      const isSame = earlier.accountName === request.account && earlier.keyName === request.key
      if (isSame && earlier.ended === undefined) return reservationOf(earlier)
      throw quotaConflict()
    }

    const knownAccount = this.#accounts.get(request.account)
    const available = knownAccount === undefined ? 0 : availableOf(knownAccount)
    if (amount > available) throw insufficientQuota(amount, available)
    const knownKey = this.#keys.get(request.key)
    const key = knownKey ?? { spending: new KeySpending(), usage: { day: -1, sums: [] } }
    if (caps !== undefined) key.spending.check(amount, caps, this.#calendar)

    if (knownKey === undefined) this.#keys.set(request.key, key)
    const account = knownAccount ?? this.#openAccount(request.account)
    account.held += amount
    key.spending.held += amount
    const entry: Entry = {
      id,
      accountName: request.account,
      keyName: request.key,
      account,
      key,
      model: request.model,
      amount,
      reservedWallMs: this.#clock.wallMs(),
      expiresAtMs: nowMs + request.ttlMs,
      place: 0,
      ended: undefined,
      endedWallMs: 0,
      charged: 0,
      tokens: undefined,
    }
    this.#reservations.add(entry)
    this.#expiring.add(entry)
    return reservationOf(entry)
  }

  /**
   * Ends a reservation with a charge. See {@link Ledger.settle}.
   *
   * @throws RangeError for an amount or a count of tokens that is none, or an amount that makes a
   *   sum too large to be exact; the reservation is open then as before
   */
  settle(id: string, amount: number, tokens?: ChargedTokens): Settled | undefined {
    checkAmount('amount', amount)
    if (tokens !== undefined) checkTokens(tokens)
    this.#expire()
    const entry = this.#reservations.get(id)
    if (entry === undefined) return undefined
    if (entry.ended === undefined) {
      checkAmount('amount added to what was charged before', entry.account.settled + amount)
      checkAmount('amount added to what the key spent before', entry.key.spending.spent + amount)
      const wallMs = this.#clock.wallMs()
      const day = dayAt(wallMs)
      entry.account.settled += amount
      entry.key.spending.spend(amount, day, this.#calendar.monthOf(day))
      entry.charged = amount
      entry.tokens = tokens === undefined ? undefined : tokensOf(tokens)
      this.#usage.add(entry, entry.key.usage, day)
      this.#end(entry, 'settled', wallMs)
    }
    return settledOf(entry)
  }

  /** Ends a reservation without a charge. See {@link Ledger.release}. */
  release(id: string): Settled | undefined {
    this.#expire()
    const entry = this.#reservations.get(id)
    if (entry === undefined) return undefined
    if (entry.ended === undefined) this.#end(entry, 'released', this.#clock.wallMs())
    return settledOf(entry)
  }

  /**
   * Holds an open reservation for `ttlMs` from now. See {@link Ledger.extend}.
   *
   * @throws RangeError for a ttlMs that is none
   */
  extend(id: string, ttlMs: number): boolean {
    checkTtlMs(ttlMs)
    const nowMs = this.#expire()
    const entry = this.#reservations.get(id)
    if (entry === undefined || entry.ended !== undefined) return false
    entry.expiresAtMs = nowMs + ttlMs
    this.#expiring.moved(entry)
    return true
  }

  /** An account's money now. An account nobody credited has zeros. */
  balance(account: string): Balance {
    this.#expire()
    return balanceOf(this.#accounts.get(account))
  }

  /**
   * Adds to an account. The same reference on the same account adds once, whatever the amount.
   *
   * @throws RangeError for an amount that is none, or that makes the sum too large to be exact
   */
  credit(account: string, amount: number, reference: string): Balance {
    checkAmount('amount', amount)
    this.#expire()
    const known = this.#accounts.get(account)
    if (known?.references.has(reference) === true) return balanceOf(known)
    checkAmount('amount added to what was credited before', (known?.granted ?? 0) + amount)
    const credited = known ?? this.#openAccount(account)
    credited.granted += amount
    credited.references.add(reference)
    return balanceOf(credited)
  }

  /** Makes an account that has nothing. Whether it is new. */
  createAccount(account: string): boolean {
    if (this.#accounts.has(account)) return false
    this.#openAccount(account)
    return true
  }

  /**
   * A page of accounts. See {@link Ledger.accounts}.
   *
   * @throws RangeError for a limit that is none
   */
  accounts(page: AccountPage): readonly AccountBalance[] {
    checkPageLimit(page.limit)
    this.#expire()
    return this.#names.page(page).map((account) => ({
      account,
      ...balanceOf(this.#accounts.get(account)),
    }))
  }

  /**
   * What was spent, as far as it is remembered. See {@link Ledger.usage}.
   *
   * @throws RangeError naming the field that is wrong
   */
  usage(query: UsageQuery): readonly UsageSum[] {
    return this.#usage.query(query)
  }

  /** What happened to a reservation that is open or ended of late. See {@link Ledger.movements}. */
  movements(id: string): readonly Movement[] {
    this.#expire()
    const entry = this.#reservations.get(id)
    return entry === undefined ? [] : movementsOf(entry)
  }

  /** Ends what is over, and forgets what ended long ago. Returns the time it is. */
  #expire(): number {
    const nowMs = this.#clock.monotonicMs()
    let first = this.#expiring.first
    while (first !== undefined && first.expiresAtMs <= nowMs) {
      this.#end(first, 'expired', this.#wallMsOf(first.expiresAtMs, nowMs))
      first = this.#expiring.first
    }
    if (this.#reservations.isFull(nowMs)) this.#reservations.forget(nowMs, this.#expiring)
    return nowMs
  }

  #end(entry: Entry, ended: Settled['ended'], wallMs: number): void {
    this.#expiring.remove(entry)
    entry.ended = ended
    entry.endedWallMs = wallMs
    entry.account.held -= entry.amount
    entry.key.spending.held -= entry.amount
  }

  /** The wall time of a monotonic moment that has passed, in whole milliseconds. */
  #wallMsOf(momentMs: number, nowMs: number): number {
    return Math.round(this.#clock.wallMs() - (nowMs - momentMs))
  }

  #openAccount(name: string): Account {
    const account = emptyAccount()
    this.#accounts.set(name, account)
    this.#names.add(name)
    return account
  }
}
