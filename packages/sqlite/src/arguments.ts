import type { ChargedTokens, ReserveRequest } from '@lazu/core'
import { checkAmount, checkReserveRequest, checkTokens } from '@lazu/core/stores'

/**
 * Checks what is to be reserved.
 *
 * @throws RangeError for an amount, cap, ttlMs or name that is none
 */
export function checkReserve(request: ReserveRequest): void {
  checkReserveRequest(request)
  checkName('id', request.id)
  checkName('account', request.account)
  checkName('key', request.key)
}

/**
 * Checks a charge.
 *
 * @throws RangeError for an amount or a number of tokens that is none
 */
export function checkSettle(amount: number, tokens: ChargedTokens | undefined): void {
  checkAmount('amount', amount)
  if (tokens !== undefined) checkTokens(tokens)
}

/**
 * Checks a credit.
 *
 * @throws RangeError for an amount or a name that is none
 */
export function checkCredit(account: string, amount: number, reference: string): void {
  checkAmount('amount', amount)
  checkName('account', account)
  checkName('reference', reference)
}

/**
 * Checks a name that is to be stored.
 *
 * @throws RangeError when it holds half of a surrogate pair: in UTF-8 all of those are one character
 */
export function checkName(what: string, name: string): void {
  if (/\p{Cs}/u.test(name)) throw new RangeError(`${what} is no well-formed text`)
}
