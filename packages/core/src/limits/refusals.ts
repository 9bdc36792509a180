import type { Condition } from '../errors/conditions.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import type { LimitUnit } from './rule.js'
import type { BucketRule } from './rules.js'

const conditionOf: Readonly<Record<LimitUnit, Condition>> = {
  requests: 'request_rate_limited',
  tokens: 'token_rate_limited',
  concurrency: 'concurrency_limited',
}

/** How long to wait for a place among the requests in flight: nobody knows, so a second. */
export const concurrencyWaitMs = 1_000

/**
 * The refusal of a request that would have to wait so long for a rule's bucket; for good where no
 * wait would do.
 */
export function bucketRefusal(rule: BucketRule, exchange: Exchange, waitMs: number): GatewayError {
  const limit = rule.rateOf(exchange)?.limit ?? 0
  // One request fits any bucket; whoever must wait for ever for one is blocked.
  if (waitMs === Infinity && rule.unit === 'tokens') {
    return new GatewayError('request_invalid', {
      message: `The request is larger than the limit of ${limit} tokens a minute can ever allow.`,
      details: { rule: rule.name, limit },
    })
  }
  return refusalOf(rule.unit, rule.name, limit, waitMs)
}

/** The refusal by a rule, with what it told and how long to wait. */
export function refusalOf(
  unit: LimitUnit,
  rule: string,
  limit: number,
  waitMs: number,
): GatewayError {
  return new GatewayError(conditionOf[unit], { details: { rule, limit }, retryAfterMs: waitMs })
}
