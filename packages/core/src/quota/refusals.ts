import { GatewayError } from '../errors/gateway-error.js'
import { formatUsd } from './money.js'

/** For hints, which are dollars: nothing is computed with them. */
const microsPerUsd = 1_000_000

/** Which of a key's caps. */
export type Cap = 'total' | 'daily' | 'monthly'

/**
 * The error of a ledger whose account cannot pay. Every ledger says it in the same words.
 *
 * @param needed micro-USD
 * @param available micro-USD; negative when the account is in debt
 */
export function insufficientQuota(needed: number, available: number): GatewayError {
  return new GatewayError('insufficient_quota', {
    message:
      'The balance does not cover the estimated cost of this request ' +
      `(needed ${formatUsd(needed)}, available ${formatUsd(available)}).`,
    facts: { estimated_cost_usd: needed / microsPerUsd, balance_usd: available / microsPerUsd },
  })
}

/**
 * The error of a ledger when a cap of the key is in the way.
 *
 * @param needed micro-USD
 * @param left micro-USD that the cap leaves; what is below 0 is shown as 0
 */
export function keyQuotaExceeded(cap: Cap, needed: number, left: number): GatewayError {
  return new GatewayError('key_quota_exceeded', {
    message:
      `The ${cap} spending cap of this API key does not cover the estimated cost of this request ` +
      `(needed ${formatUsd(needed)}, left ${formatUsd(Math.max(0, left))}).`,
    facts: { estimated_cost_usd: needed / microsPerUsd },
  })
}

/** The error of a ledger when an id was used before, by a reservation that is not this one. */
export function quotaConflict(): GatewayError {
  return new GatewayError('quota_conflict')
}
