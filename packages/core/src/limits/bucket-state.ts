import type { Exchange } from '../exchange.js'
import type { RuleState } from './rule.js'
import type { BucketRule } from './rules.js'

/** Where a bucket stands; undefined when its rule only observes, or does not apply to the request. */
export function bucketState(
  rule: BucketRule,
  exchange: Exchange,
  nowMs: number,
): RuleState | undefined {
  const rate = rule.observe ? undefined : rule.rateOf(exchange)
  const key = rate === undefined ? undefined : rule.keyOf(exchange)
  if (rate === undefined || key === undefined) return undefined
  const { name, unit, bucket } = rule
  const remaining = bucket.remaining(key, nowMs, rate)
  return {
    rule: name,
    unit,
    limit: rate.limit,
    windowSeconds: (rate.limit * rate.msPerToken) / 1000,
    remaining,
    resetMs: bucket.fullInMs(key, nowMs, rate),
    moreInMs: remaining < rate.capacity ? bucket.wait(key, remaining + 1, nowMs, rate) : 0,
  }
}
