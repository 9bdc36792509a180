import { ConfigurationError, GatewayError } from '@lazu/core'

/** What a step fails with when Redis cannot be asked. */
export type FailureCondition = 'store_read_failed' | 'store_write_failed'

/**
 * Redis does not know what it knew before: it was emptied, or an empty or older copy took over. It is
 * the `cause` of the errors of every step on that account, until the account was restored.
 */
export class RedisForgotError extends Error {
  override readonly name = 'RedisForgotError'
  readonly account: string

  constructor(account: string, what: string) {
    super(
      `Redis has forgotten ${what} of the account ${JSON.stringify(account)}: ` +
        'it was emptied, or an empty or older copy took over. ' +
        'Load it again by restore(), or give the ledger a durable one.',
    )
    this.account = account
  }
}

/**
 * Does something with Redis, and tells of a failure as an error of ours.
 *
 * @throws GatewayError of the condition, unless it is an error that says more
 */
export async function failingAs<T>(
  condition: FailureCondition,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const isOurs =
      GatewayError.is(error) || error instanceof RangeError || error instanceof ConfigurationError
    throw isOurs ? error : new GatewayError(condition, { cause: error })
  }
}
