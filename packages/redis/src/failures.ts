import { AccountUnavailableError, ConfigurationError, GatewayError } from '@lazu/core'

/** What a step fails with when Redis cannot be asked. */
export type FailureCondition = 'store_read_failed' | 'store_write_failed'

/**
 * Redis does not know what it knew before: it was emptied, or an empty or older copy took over. It is
 * the `cause` of the errors of every step on that account, until the account was restored.
 */
export class RedisForgotError extends AccountUnavailableError {
  override readonly name = 'RedisForgotError'

  constructor(account: string, what: string) {
    super(
      account,
      `Redis has forgotten ${what} of the account ${JSON.stringify(account)}: ` +
        'it was emptied, or an empty or older copy took over. ' +
        'Load it again by restore(), or give the ledger a durable one.',
    )
  }
}

/**
 * The durable ledger has been granted less than Redis knows of: Redis had to be loaded with what a
 * process had seen, and that is still in the journal; or the durable ledger was added to accounts that
 * had money, or came back without its newest commits. A payment made now could disappear.
 */
export class DurableBehindError extends AccountUnavailableError {
  override readonly name = 'DurableBehindError'

  constructor(account: string) {
    super(
      account,
      `The durable ledger has been granted less than Redis knows of the account ` +
        `${JSON.stringify(account)}. Drain the journal into it. If that does not help, credit it with ` +
        'what is missing.',
    )
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
