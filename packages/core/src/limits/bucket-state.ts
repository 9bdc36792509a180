import type { Exchange } from '../exchange.js'
import { costMs, fillMs, tokensAfter, waitFor } from './bucket-time.js'
import type { BucketRate } from './bucket-rate.js'
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

/** Where a bucket stands from which so much is missing, in milliseconds until it is full. */
export function stateOfMissing(
  { name, unit }: Pick<BucketRule, 'name' | 'unit'>,
  rate: BucketRate,
  missingMs: number,
): RuleState {
  const remaining = tokensAfter(fillMs(rate) - missingMs, rate)
  return {
    rule: name,
    unit,
    limit: rate.limit,
    windowSeconds: (rate.limit * rate.msPerToken) / 1000,
    remaining,
    resetMs: missingMs,
    moreInMs: remaining < rate.capacity ? waitOfMissing(rate, missingMs, remaining + 1) : 0,
  }
}

/** Milliseconds until so many tokens can be taken from such a bucket; 0 when they can be now. */
export function waitOfMissing(rate: BucketRate, missingMs: number, tokens: number): number {
  if (tokens > rate.capacity) return Infinity
  return waitFor(missingMs + costMs(tokens, rate) - fillMs(rate))
}
