import type { Answer } from '../dialects/dialect.js'
import type { GatewayError } from './gateway-error.js'

/** What an answer that tells to wait, but not how long, announces. */
const unnamedWaitMs = 1_000
/** A wait longer than a day is announced as a day. */
const longestWaitMs = 86_400_000

/** How long the caller is told to wait, in milliseconds; undefined when it is told nothing. */
export function announcedWaitMs(error: GatewayError, answer: Answer): number | undefined {
  const { retryAfterMs } = error
  // Not `< 0`, which NaN is not.
  if (retryAfterMs !== undefined && retryAfterMs >= 0) return Math.min(retryAfterMs, longestWaitMs)
  return answer[3] === 'after' ? unnamedWaitMs : undefined
}

/** Whether the same request may succeed when it is sent again. */
export function mayRetry(error: GatewayError, answer: Answer): boolean {
  switch (answer[3]) {
    case 'no':
      return false
    case 'yes':
    case 'after':
    case 'once':
      return true
    case '5xx':
      return !isHopeless(error.details?.['status_code'])
  }
}

/**
 * Whether an upstream that answered with this status will do so again. 409 counts: a lock at the
 * upstream is not one the caller holds.
 *
 * @param status the `details.status_code` of an error, which may be anything
 */
export function isHopeless(status: unknown): boolean {
  return typeof status === 'number' && status < 500 && status !== 408 && status !== 429
}
