import { read } from '../errors/read.js'
import { systemClock, type Clock } from '../lib/clock.js'
import { adviceOn } from './advice-on.js'
import { peekBody } from './peek-body.js'
import { delayOf, mayTryAgain } from './retry-delay.js'

/** A try that failed, and is followed by another one. */
export interface RetryNotice {
  /** The number of the try that failed, from 1. */
  readonly attempt: number
  /** How long it waits now, in milliseconds. */
  readonly delayMs: number
  /** What was thrown, or the Response that was no good; its body is gone. */
  readonly error: unknown
}

/** How `withRetry` goes about it. */
export interface WithRetryOptions {
  /** Ends the waiting at once, with its reason. Give it to the call too, if that is to end as well. */
  signal?: AbortSignal | undefined
  /**
   * Default: the machine's, with timers that keep the process alive, since somebody awaits them.
   * (Those of `systemClock` do not.)
   */
  clock?: Clock | undefined
  /** A number from 0 up to 1, for the jitter. Default: `Math.random`. */
  random?: (() => number) | undefined
  /** Told before each wait. */
  onRetry?: ((notice: RetryNotice) => void) | undefined
}

/** A program whose only work is to wait for the next try would end in the middle of it otherwise. */
const waitingClock: Clock = {
  monotonicMs: () => systemClock.monotonicMs(),
  wallMs: () => systemClock.wallMs(),
  after(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

/**
 * Calls, and calls again as long as `retryDelay` allows it: at most three times in all. A fetch
 * Response that is not ok counts as a failure as long as it may be tried again; otherwise, and on
 * the last try, it is returned as it is, its body unread.
 *
 * An SDK that retries by itself is told not to (`maxRetries: 0`), or both of them will.
 *
 * @param call told the number of the try, from 1
 * @throws what the last try threw, or the signal's reason
 * @example
 * ```ts
 * const response = await withRetry(() => fetch(url, { method: 'POST', headers, body }))
 * ```
 */
export async function withRetry<T>(
  call: (attempt: number) => Promise<T> | T,
  options: WithRetryOptions = {},
): Promise<T> {
  const { signal, clock = waitingClock, random = Math.random, onRetry } = options
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    const outcome = await outcomeOf(call, attempt)
    if (!outcome.threw && !isFailedResponse(outcome.value)) return outcome.value

    const error = outcome.value
    const delayMs = await delayAfter(error, attempt, clock, random, signal)
    if (delayMs === undefined) {
      if (outcome.threw) throw error
      return outcome.value
    }
    // Not awaited: the next try needs nothing of it.
    void discard(error)
    signal?.throwIfAborted()
    onRetry?.({ attempt, delayMs, error })
    await wait(delayMs, clock, signal)
  }
}

type CallOutcome<T> =
  { readonly threw: false; readonly value: T } | { readonly threw: true; readonly value: unknown }

async function outcomeOf<T>(
  call: (attempt: number) => Promise<T> | T,
  attempt: number,
): Promise<CallOutcome<T>> {
  try {
    return { threw: false, value: await call(attempt) }
  } catch (error) {
    return { threw: true, value: error }
  }
}

async function delayAfter(
  error: unknown,
  attempt: number,
  clock: Clock,
  random: () => number,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  let advice = adviceOn(error, clock.wallMs())
  if (isFailedResponse(error) && mayTryAgain(advice, attempt)) {
    advice = adviceOn(error, clock.wallMs(), await peekBody(error, clock, signal))
  }
  return delayOf(advice, attempt, random)
}

/** A Response of fetch that is not ok, whichever copy of undici made it. */
function isFailedResponse(value: unknown): value is Response {
  try {
    if (Object.prototype.toString.call(value) !== '[object Response]') return false
  } catch {
    return false
  }
  const body = read(value, 'body')
  // The body of some older libraries' Response is a stream of Node's.
  return (
    read(value, 'ok') === false && (body === null || typeof read(body, 'cancel') === 'function')
  )
}

/** Cancels the body of a Response nobody will read: its connection is held until then. */
async function discard(failure: unknown): Promise<void> {
  if (!isFailedResponse(failure)) return
  try {
    await failure.body?.cancel()
  } catch {
    // Somebody else reads it, and has its connection to answer for.
  }
}

function wait(delayMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', end)
      resolve()
    })
    signal?.addEventListener('abort', end, { once: true })
  })
}
