/**
 * How fast one bucket fills and how much it holds, worked out once so that a request does not.
 * Made by {@link createBucketRate}.
 */
export interface BucketRate {
  /** What flows in during a minute (or during the limiter's own duration), in whole tokens. */
  readonly limit: number
  /** What the bucket holds when it is full, in whole tokens. */
  readonly capacity: number
  /** Milliseconds until one more token is there. */
  readonly msPerToken: number
}

/**
 * The rate of a bucket with a limit a minute, for keys whose limit is not the limiter's own.
 *
 * @param perMinute whole tokens a minute
 * @param burst whole tokens the bucket holds; a minute's worth unless given
 * @throws RangeError when either is not a whole number from 1 up
 * @example
 * ```ts
 * const gold = createBucketRate(600, 50)
 * bucket.take(key.id, 1, clock.monotonicMs(), gold)
 * ```
 */
export function createBucketRate(perMinute: number, burst: number = perMinute): BucketRate {
  return bucketRate(perMinute, 60, burst)
}

/**
 * The rate of a bucket with a limit per any duration.
 *
 * @param durationSeconds the time in which `limit` tokens flow in
 * @throws RangeError when a number of tokens is not a whole number from 1 up, or the duration not a
 *   number of seconds above 0
 */
export function bucketRate(limit: number, durationSeconds: number, capacity: number): BucketRate {
  if (!isWholeFromOne(limit)) throw new RangeError(`a limit is a whole number from 1: ${limit}`)
  if (!isWholeFromOne(capacity)) {
    throw new RangeError(`a burst is a whole number from 1: ${capacity}`)
  }
  if (!(durationSeconds > 0 && durationSeconds < Infinity)) {
    throw new RangeError(`a duration is a number of seconds above 0: ${durationSeconds}`)
  }
  return { limit, capacity, msPerToken: (durationSeconds * 1000) / limit }
}

function isWholeFromOne(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}
