import { GatewayError } from '../errors/gateway-error.js'

const brand = Symbol.for('lazu.AccountUnavailableError')

/**
 * A ledger works, and can do nothing for one account: it has lost what it knew of it, for instance.
 * A ledger's step fails with it, or with a GatewayError `store_read_failed` or `store_write_failed`
 * that has it as its `cause`; nothing was done then.
 *
 * Requests of that account get a 503, and its charges are repeated, as when the ledger fails. But the
 * ledger counts as one that answered: other accounts are served, and their charges go ahead.
 */
export class AccountUnavailableError extends Error {
  override readonly name: string = 'AccountUnavailableError'
  readonly account: string
  readonly [brand] = true

  constructor(account: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.account = account
  }
}

/**
 * Whether a step failed for one account alone, as opposed to the ledger. Made by this copy of the
 * package or by another one.
 */
export function isAboutOneAccount(thrown: unknown): boolean {
  return isBranded(thrown) || (GatewayError.is(thrown) && isBranded(thrown.cause))
}

function isBranded(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && Reflect.get(value, brand) === true
  } catch {
    return false
  }
}
