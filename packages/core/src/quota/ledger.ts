import type { KeyCaps } from '../keys/api-key.js'
import type { Usage } from './usage.js'

/** What to hold for one request. */
export interface ReserveRequest {
  /** The request's id. The same id twice is the same reservation. */
  readonly id: string
  readonly account: string
  /** The key's id. */
  readonly key: string
  /** Micro-USD (or the ledger's unit), a whole number from 0 up. */
  readonly amount: number
  /** The key's own caps. */
  readonly caps?: KeyCaps | undefined
  /** How long it is held when nobody ends it, in milliseconds. */
  readonly ttlMs: number
  /** The model it is for, as the journal and `usage` tell it. */
  readonly model?: string | undefined
}

/** Quota held for one request until it is settled or released, or its time is over. */
export interface Reservation {
  readonly id: string
  readonly account: string
  readonly key: string
  readonly amount: number
}

/** How a reservation ended. It ends once: whoever tries again is told what happened then. */
export interface Settled {
  readonly id: string
  readonly ended: 'settled' | 'released' | 'expired'
  /** What was charged: 0 unless it was settled. */
  readonly amount: number
}

/** How many tokens a charge was for. */
export type ChargedTokens = Pick<Usage, 'inputTokens' | 'outputTokens'>

/** An account's money, in micro-USD. */
export interface Balance {
  /** All that was ever credited. */
  readonly granted: number
  /** All that was ever charged. */
  readonly settled: number
  /** What open reservations hold. */
  readonly held: number
  /** granted - settled - held. Negative only when a charge had to exceed its reservation. */
  readonly available: number
}

/** An account and its money. */
export interface AccountBalance extends Balance {
  readonly account: string
}

/** Which part of the accounts to list. */
export interface AccountPage {
  /** Begins behind this name: the last one of the page before. There need not be such an account. */
  readonly after?: string | undefined
  /** How many at most, from 1 up. */
  readonly limit: number
}

/** Something that happened to an account's money. */
export interface Movement {
  readonly kind: 'grant' | 'reserve' | Settled['ended']
  /** When, in milliseconds since 1970; of an expiry, it may be when the ledger noticed. */
  readonly atMs: number
  /** The reservation's id, which is the request's; of a grant its reference. */
  readonly id: string
  readonly account: string
  /** The key's id; undefined for a grant. */
  readonly key?: string | undefined
  readonly model?: string | undefined
  /** What was granted, held, charged or, when it was released or expired, given back. */
  readonly amount: number
  /** What was charged for, as far as it is known. */
  readonly tokens?: ChargedTokens | undefined
}

/** What was spent by whom, when. Days are UTC and written `2026-11-21`; both ends are included. */
export type UsageQuery = ({ readonly account: string } | { readonly key: string }) & {
  readonly from: string
  readonly to: string
  /** What to add up by. */
  readonly by: 'day' | 'model' | 'key'
}

/** What was spent on one day, on one model, or by one key. */
export interface UsageSum {
  /** The day, the model or the key's id. Empty for charges of no model. */
  readonly name: string
  /** How many reservations were settled. */
  readonly requests: number
  /** Micro-USD. */
  readonly amount: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * Prepaid quota. After every step, in any interleaving: granted - settled - held is not negative
 * unless a settle had to exceed its reservation, and held is the sum of the open reservations.
 *
 * An amount that is not a whole number from 0 to Number.MAX_SAFE_INTEGER is a RangeError.
 */
export interface Ledger {
  /**
   * How long one of its answers may take, in milliseconds, when no `storeDeadline` is set; 50 unless
   * given.
   */
  readonly deadlineMs?: number | undefined
  /**
   * Holds an amount. Throws GatewayError `insufficient_quota` when the account's available balance
   * does not cover it, `key_quota_exceeded` when a cap of the key does not. An id that the same
   * account and key reserved before gives that reservation again, unchanged; one of another account
   * or key, or one that has ended already, throws `quota_conflict`.
   */
  reserve(request: ReserveRequest): Reservation | Promise<Reservation>
  /**
   * Ends a reservation with a charge, which may be more than was held. Undefined when there never
   * was such a reservation, or it ended too long ago to remember.
   *
   * @param tokens what the charge is for, when that is known; for `usage` and `movements` only
   */
  settle(
    id: string,
    amount: number,
    tokens?: ChargedTokens,
  ): Settled | undefined | Promise<Settled | undefined>
  /** Ends a reservation without a charge. */
  release(id: string): Settled | undefined | Promise<Settled | undefined>
  /** Holds an open reservation for `ttlMs` from now. Whether there was one. */
  extend(id: string, ttlMs: number): boolean | Promise<boolean>
  /** An account nobody credited has zeros. */
  balance(account: string): Balance | Promise<Balance>
  /** Adds to an account. The same `reference` twice adds once. */
  credit(account: string, amount: number, reference: string): Balance | Promise<Balance>
  /** Makes an account that has nothing. Whether it is new. */
  createAccount(account: string): boolean | Promise<boolean>
  /**
   * A page of accounts in the order of their names' UTF-8 bytes. A page with fewer than `limit` is
   * the last.
   *
   * @throws RangeError for a limit that is no whole number from 1 up
   */
  accounts(page: AccountPage): readonly AccountBalance[] | Promise<readonly AccountBalance[]>
  /**
   * What was spent, in the order of the names' UTF-8 bytes. A charge counts on the day (UTC) it was
   * settled. Names nothing was charged for do not appear. At least the last 92 days are remembered.
   *
   * @throws RangeError naming the field that is wrong: a date that is none, for instance
   */
  usage(query: UsageQuery): readonly UsageSum[] | Promise<readonly UsageSum[]>
  /**
   * What happened to a reservation, in its order: it was made, and perhaps it ended. Empty when
   * there never was one, or it ended too long ago to remember.
   */
  movements(id: string): readonly Movement[] | Promise<readonly Movement[]>
}
