import type {
  AccountPage,
  ApiKey,
  ChargedTokens,
  KeyPage,
  ReserveRequest,
  UsageQuery,
} from '@lazu/core'
import {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkText,
  checkTokens,
  checkTtlMs,
  checkUsageQuery,
} from '@lazu/core/stores'

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
  // Clients write it: half a character in it is no mistake of the server.
  if (request.model !== undefined) checkText('model', request.model)
}

/**
 * Checks a charge.
 *
 * @throws RangeError for an id, an amount or a number of tokens that is none
 */
export function checkSettle(id: string, amount: number, tokens: ChargedTokens | undefined): void {
  checkName('id', id)
  checkAmount('amount', amount)
  if (tokens !== undefined) checkTokens(tokens)
}

/**
 * Checks how long a reservation is to be held.
 *
 * @throws RangeError for an id or a ttlMs that is none
 */
export function checkExtend(id: string, ttlMs: number): void {
  checkName('id', id)
  checkTtlMs(ttlMs)
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
 * Checks which accounts are asked for.
 *
 * @throws RangeError for a name or a limit that is none
 */
export function checkAccountPage(page: AccountPage): void {
  if (page.after !== undefined) checkName('after', page.after)
  checkPageLimit(page.limit)
}

/**
 * Checks whose usage is asked for, and when.
 *
 * @throws RangeError for a name or a date that is none, and for any other mistake in it
 */
export function checkUsage(query: UsageQuery): void {
  checkUsageQuery(query)
  const { account, key }: { account?: string; key?: string } = query
  if (account !== undefined) checkName('account', account)
  if (key !== undefined) checkName('key', key)
}

/**
 * Checks the names in a key's record.
 *
 * @throws RangeError for one that is none
 */
export function checkKey(key: ApiKey): void {
  checkName('id', key.id)
  checkName('account', key.account)
  checkName('digest', key.digest)
  if (key.rotation !== undefined) checkName('rotation.digest', key.rotation.digest)
}

/**
 * Checks which keys are asked for.
 *
 * @throws RangeError for a name that is none
 */
export function checkKeyPage(page: KeyPage): void {
  if (page.account !== undefined) checkName('account', page.account)
  if (page.after !== undefined) checkName('after', page.after)
}

/**
 * Checks a name that is stored, or looked for.
 *
 * @throws RangeError when it is no text, or holds half of a surrogate pair: in UTF-8 all of those are
 *   one character
 */
export function checkName(what: string, name: string): void {
  checkText(what, name)
  if (/\p{Cs}/u.test(name)) throw new RangeError(`${what} is no well-formed text`)
}
