import type { ChargedTokens, ReserveRequest } from './ledger.js'
import { mostTokens } from './read-usage.js'

/**
 * Checks an amount of money, before anything is done with it: NaN in a sum would cover every cost
 * from then on.
 *
 * @param name what the argument is called, for the message
 * @throws RangeError when it is not a whole number from 0 to Number.MAX_SAFE_INTEGER
 */
export function checkAmount(name: string, amount: number): void {
  if (!Number.isSafeInteger(amount) || amount < 0) throw notWhole(name, 0, amount)
}

/**
 * Checks how long something is to be held.
 *
 * @throws RangeError when it is not a whole number of milliseconds from 1 up
 */
export function checkTtlMs(ttlMs: number): void {
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) throw notWhole('ttlMs', 1, ttlMs)
}

/**
 * Checks how much of a list is asked for: a database would take -1 for everything.
 *
 * @throws RangeError when it is not a whole number from 1 up
 */
export function checkPageLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw notWhole('limit', 1, limit)
}

/**
 * Checks every number of a request to reserve: `amount`, `ttlMs` and those of `caps`.
 *
 * @throws RangeError naming the first that is no whole number, or out of bounds
 */
export function checkReserveRequest(request: ReserveRequest): void {
  checkAmount('amount', request.amount)
  checkTtlMs(request.ttlMs)
  const caps = request.caps
  if (caps === undefined) return
  if (caps.total !== undefined) checkAmount('caps.total', caps.total)
  if (caps.day !== undefined) checkAmount('caps.day', caps.day)
  if (caps.month !== undefined) checkAmount('caps.month', caps.month)
}

/**
 * Checks the tokens a charge is for.
 *
 * @throws RangeError naming the count that is not a whole number from 0 to 1,000,000,000, which is
 *   more than any request has: sums of days must stay exact
 */
export function checkTokens(tokens: ChargedTokens): void {
  checkCount('tokens.inputTokens', tokens.inputTokens)
  checkCount('tokens.outputTokens', tokens.outputTokens)
}

function checkCount(name: string, count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= mostTokens) return
  throw notWhole(name, 0, count, mostTokens)
}

function notWhole(
  name: string,
  least: number,
  value: unknown,
  most = Number.MAX_SAFE_INTEGER,
): RangeError {
  const shown = typeof value === 'number' ? value : typeof value
  return new RangeError(`${name} must be a whole number from ${least} to ${most}, but is ${shown}`)
}
