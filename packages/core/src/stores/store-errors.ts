import { RateLimiterRes } from 'rate-limiter-flexible'
import { GatewayError } from '../errors/gateway-error.js'
import { isAboutOneAccount } from '../quota/account-unavailable-error.js'

/**
 * An error without a stack: there are many of them while a store is away, and where they were made
 * says nothing.
 */
class StacklessError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** A store did not answer in time. What it was asked to do may be done all the same. */
export class StoreDeadlineError extends StacklessError {
  override readonly name = 'StoreDeadlineError'

  /** @param deadlineMs how long it was waited for, in milliseconds */
  constructor(store: string, deadlineMs: number) {
    super(`the store of the ${store} did not answer within ${deadlineMs} ms`)
  }
}

/** A store was not asked, because it failed several times just now. `cause` is its last failure. */
export class StoreUnavailableError extends StacklessError {
  override readonly name = 'StoreUnavailableError'

  constructor(store: string, cause: unknown) {
    super(`the store of the ${store} is not asked, as it failed just now`, { cause })
  }
}

/**
 * Whether a store failed, as opposed to answering with a refusal: a GatewayError that is not about
 * the store itself, a limiter's refusal, or a RangeError for what it was asked. What failed may work
 * when it is repeated.
 */
export function isStoreFailure(thrown: unknown): boolean {
  if (thrown instanceof RangeError || thrown instanceof RateLimiterRes) return false
  if (!GatewayError.is(thrown)) return true
  switch (thrown.condition) {
    case 'store_read_failed':
    case 'store_write_failed':
    case 'gateway_overloaded':
      return true
    default:
      return false
  }
}

/**
 * Whether a store failed for whoever asks, and is better left alone. It has answered when it failed
 * for one account alone: the others must not do without it.
 */
export function isFailureForAll(thrown: unknown): boolean {
  return isStoreFailure(thrown) && !isAboutOneAccount(thrown)
}

/** Whether a store may have done all the same what it failed to do, or may do it yet. */
export function mayBeDone(failure: unknown): boolean {
  return !(failure instanceof StoreUnavailableError) && !isAboutOneAccount(failure)
}
