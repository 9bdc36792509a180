import type { KeyCaps } from '../keys/api-key.js'

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

/**
 * Prepaid quota. After every step, in any interleaving: granted - settled - held is not negative
 * unless a settle had to exceed its reservation, and held is the sum of the open reservations.
 *
 * An amount that is not a whole number from 0 to Number.MAX_SAFE_INTEGER is a RangeError.
 */
export interface Ledger {
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
   */
  settle(id: string, amount: number): Settled | undefined | Promise<Settled | undefined>
  /** Ends a reservation without a charge. */
  release(id: string): Settled | undefined | Promise<Settled | undefined>
  /** Holds an open reservation for `ttlMs` from now. Whether there was one. */
  extend(id: string, ttlMs: number): boolean | Promise<boolean>
  /** An account nobody credited has zeros. */
  balance(account: string): Balance | Promise<Balance>
  /** Adds to an account. The same `reference` twice adds once. */
  credit(account: string, amount: number, reference: string): Balance | Promise<Balance>
}
