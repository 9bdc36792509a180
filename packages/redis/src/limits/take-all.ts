import { BucketState } from './bucket-state.js'
import { isWhole, microRate, type BucketLimit, type MicroRate } from './micro-rate.js'
import type { MicroTake, RedisBuckets } from './redis-buckets.js'

/** What is taken from one bucket, and how that bucket fills. */
export interface BucketTake extends BucketLimit {
  /** What the bucket is called; the limiter's `keyPrefix` goes before it. */
  readonly key: string
  /** Whole tokens, from 0. */
  readonly cost: number
}

/** Where a bucket stands after a decision. */
export interface BucketStanding {
  /** Milliseconds until its own cost would pass; 0 when it did, or would have. */
  readonly waitMs: number
  /** The whole tokens that are left; 0 while there is a debt. */
  readonly remaining: number
  /** Milliseconds until one more token is there; 0 when all of them are. */
  readonly moreInMs: number
  /** Milliseconds until the bucket is full; Infinity when it is blocked for ever. */
  readonly resetMs: number
}

/** What became of takes that were decided together. */
export interface TakenAll {
  /**
   * 0 when all was taken. Otherwise nothing was, and this is the longest wait of them all, in
   * milliseconds to the microsecond; Infinity when a bucket could never hold its cost, or is blocked
   * for ever.
   */
  readonly waitMs: number
  /** Where each bucket stands, in the order of the takes. */
  readonly states: readonly BucketStanding[]
}

/** Takes from several buckets in one round trip: from all of them, or from none. */
export async function takeAll(
  buckets: RedisBuckets,
  takes: readonly BucketTake[],
): Promise<TakenAll> {
  const rated = takes.map((take) => ({ take, rate: microRate(take) }))
  const [first, ...others] = rated.map(({ take, rate }) => microTake(take.key, take.cost, rate))
  if (first === undefined) return { waitMs: 0, states: [] }
  const { passes, missingBefore } = await buckets.take(first, ...others)
  const states = rated.map(({ take, rate }, index) => {
    const before = missingBefore[index] ?? 0
    const waitMs = passes ? 0 : new BucketState(rate, before).waitMs(take.cost)
    const state = new BucketState(rate, passes ? before + rate.microsOf(take.cost) : before)
    const { remaining, fullInMs } = state
    const moreInMs = remaining < rate.burst ? state.waitMs(remaining + 1) : 0
    return { waitMs, remaining, moreInMs, resetMs: fullInMs }
  })
  return { waitMs: Math.max(...states.map(({ waitMs }) => waitMs)), states }
}

/** @throws RangeError for a cost that is none */
export function microTake(key: string, cost: number, rate: MicroRate): MicroTake {
  if (!isWhole(cost)) throw new RangeError(`not a whole number of points from 0: ${cost}`)
  return { key, costMicros: rate.microsOf(cost), capacityMicros: rate.capacityMicros }
}
