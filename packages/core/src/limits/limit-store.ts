import type { BucketRate } from './bucket-rate.js'

/** What a rule asks of the bucket it counts a request by. */
export interface BucketAsk {
  readonly kind: 'bucket'
  /** The bucket, among all that the store has. No two asks of a call have the same. */
  readonly name: string
  /** Whole tokens to take, from 0. */
  readonly cost: number
  readonly rate: BucketRate
  /** Refuses nothing; takes where it would have passed. */
  readonly observe: boolean
}

/** What a rule asks for a request in flight. */
export interface PlaceAsk {
  readonly kind: 'place'
  /** Whose places, among all that the store has. No two asks of a call have the same. */
  readonly name: string
  /** This place, among all that are held by anybody. */
  readonly id: string
  /** How many there are. */
  readonly limit: number
  /** Refuses nothing; takes where it would have passed. */
  readonly observe: boolean
}

/** What one rule asks for one request. */
export type LimitAsk = BucketAsk | PlaceAsk

/** What became of asks that were decided together. */
export interface LimitAnswer {
  /** Whether all was taken. Otherwise nothing was. */
  readonly passes: boolean
  /**
   * How it stood before, for each ask in its order: of a bucket, the milliseconds until it is full; of
   * places, how many were held.
   */
  readonly before: readonly number[]
}

/** A correction of what was taken from a bucket. */
export interface BucketChange {
  readonly name: string
  /** Tokens: above 0 takes them, there or not; below 0 gives back, never to more than full. */
  readonly delta: number
  readonly rate: BucketRate
}

/** A place that is held. */
export type HeldPlace = Pick<PlaceAsk, 'name' | 'id'>

/**
 * Counts limits for any number of processes, by a time that all of them share.
 *
 * A bucket is a token bucket that goes by the rate each call brings: what counts as there is what has
 * flowed in since it was empty. A place is held until it is freed, or for `leaseMs` when nobody does
 * and nobody holds on to it. What is asked again after a failure may be done twice.
 */
export interface LimitStore {
  /** How long a place is held that nobody holds on to, in milliseconds. */
  readonly leaseMs: number
  /** How long an answer may take, in milliseconds, when no `storeDeadline` is set; 50 unless given. */
  readonly deadlineMs?: number | undefined
  /** Takes what is asked, or nothing if any ask that does not only observe refuses. One step. */
  take(asks: readonly LimitAsk[]): Promise<LimitAnswer>
  /** Corrects what was taken. */
  adjust(changes: readonly BucketChange[]): Promise<void>
  /** Holds on to places for `leaseMs` from now on, those as well whose time was over. */
  hold(places: readonly HeldPlace[]): Promise<void>
  /** Gives places back. One that is not held is no mistake. */
  free(places: readonly HeldPlace[]): Promise<void>
}
