import { systemClock, type Clock } from '../lib/clock.js'
import type { Advice } from './advice.js'
import { adviceOn } from './advice-on.js'

/** How often anything is tried, the first time included. */
const tries = 3
const firstWaitMs = 1_000
const longestWaitMs = 60_000

/** What `retryDelay` goes by beside the error. */
export interface RetryDelayOptions {
  /** A number from 0 up to 1, for the jitter. Default: `Math.random`. */
  random?: (() => number) | undefined
  /** Its wall time is what a Retry-After with a date is measured from. Default: the machine's. */
  clock?: Clock | undefined
}

/**
 * How long to wait before trying again, in milliseconds from 0 to 60,000, or undefined when it must
 * not be tried again.
 *
 * - At most three tries in all, and one retry only where the gateway says once.
 * - Never where an answer says no: `x-should-retry: false`, `retryable: false`, a code that cannot
 *   get better. `x-should-retry: true` wins over the status; then 408, 409, 429 and 500 and above
 *   are tried again, unless the upstream's own status (`details.status_code`) was another 4xx.
 * - A network error or a timeout is tried again; an abort, a bug, and an error in the middle of a
 *   stream that has begun never are.
 * - The wait is what the other side asked for (`retry-after-ms`, `Retry-After`, or in the body),
 *   never less. Asked for more than 60 s it is undefined: earlier would only be refused again, and
 *   nobody should hang for hours in a call. Otherwise a random part ("full jitter") of 1 s, doubled
 *   with each try, at most 60 s.
 *
 * @param error a GatewayError, a fetch Response, an error of the official SDKs or of another HTTP
 * client, a network error; anything else is not tried again. Of a Response the body is not read:
 * `withRetry` does that.
 * @param attempt the number of the try that failed, from 1
 * @example
 * ```ts
 * retryDelay(new GatewayError('request_rate_limited', { retryAfterMs: 1500 }), 1) // 1500
 * retryDelay(new GatewayError('api_key_invalid'), 1) // undefined
 * ```
 */
export function retryDelay(
  error: unknown,
  attempt: number,
  options: RetryDelayOptions = {},
): number | undefined {
  const { random = Math.random, clock = systemClock } = options
  return delayOf(adviceOn(error, clock.wallMs()), attempt, random)
}

/** Whether the advice and the number of tries so far leave room for another one. */
export function mayTryAgain(advice: Advice, attempt: number): boolean {
  if (!(attempt >= 1 && attempt < tries)) return false
  if (advice.waitMs !== undefined && advice.waitMs > longestWaitMs) return false
  return advice.retry === 'yes' || (advice.retry === 'once' && attempt === 1)
}

/** The wait the advice comes to, in whole milliseconds. */
export function delayOf(advice: Advice, attempt: number, random: () => number): number | undefined {
  if (!mayTryAgain(advice, attempt)) return undefined
  if (advice.waitMs !== undefined) return Math.ceil(advice.waitMs)
  return Math.floor(random() * Math.min(firstWaitMs * 2 ** (attempt - 1), longestWaitMs))
}
