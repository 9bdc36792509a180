import type { BucketRate } from './bucket-rate.js'

/** A request passes that is early by no more than this: far more than what doubles are off by. */
export const toleranceMs: number = 1 / 2048

/**
 * The wait for a bucket that would be overdrawn by so many milliseconds' worth: whole microseconds.
 * The half of the tolerance that is left away makes up for the rounding of the times in between.
 */
export function waitFor(overdrawnMs: number): number {
  if (overdrawnMs <= toleranceMs) return 0
  return Math.ceil((overdrawnMs - toleranceMs / 2) * 1000) / 1000
}

/** How long an empty bucket takes to fill, in milliseconds. */
export function fillMs(rate: BucketRate): number {
  return rate.capacity * rate.msPerToken
}

/** How long so many tokens take to flow in, in milliseconds. */
export function costMs(tokens: number, rate: BucketRate): number {
  return tokens * rate.msPerToken
}

/**
 * How long it takes until a bucket is full that was empty, or will be, at that time: whole
 * microseconds.
 */
export function untilFullMs(emptyAtMs: number, nowMs: number, rate: BucketRate): number {
  return Math.round((emptyAtMs + fillMs(rate) - nowMs) * 1000) / 1000
}

/** The whole tokens in a bucket that has been filling for so long since it was empty. */
export function tokensAfter(thereMs: number, rate: BucketRate): number {
  const whole = Math.floor((thereMs + toleranceMs) / rate.msPerToken)
  // Of a very fast rate the tolerance alone is worth some tokens.
  return Math.min(Math.max(whole, 0), rate.capacity)
}
