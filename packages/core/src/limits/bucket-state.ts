import type { Exchange } from '../exchange.js'
import { costMs, fillMs, tokensAfter, untilFullMs, waitFor } from './bucket-time.js'
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
  return stateSince(rule, rate, rule.bucket.emptyAtMs(key, nowMs, rate), nowMs)
}

/** Where a bucket stands from which so much is missing, in milliseconds until it is full. */
export function stateOfMissing(
  rule: Pick<BucketRule, 'name' | 'unit'>,
  rate: BucketRate,
  missingMs: number,
): RuleState {
  // On a clock that shows 0 now: the store has one of its own.
  return stateSince(rule, rate, missingMs - fillMs(rate), 0)
}

/** Where a bucket stands that was empty, or will be, at that time of a clock. */
function stateSince(
  { name, unit }: Pick<BucketRule, 'name' | 'unit'>,
  rate: BucketRate,
  emptyAtMs: number,
  nowMs: number,
): RuleState {
  const remaining = tokensAfter(nowMs - emptyAtMs, rate)
  return {
    rule: name,
    unit,
    limit: rate.limit,
    windowSeconds: (rate.limit * rate.msPerToken) / 1000,
    remaining,
    resetMs: untilFullMs(emptyAtMs, nowMs, rate),
    moreInMs:
      remaining < rate.capacity ? waitFor(emptyAtMs + costMs(remaining + 1, rate) - nowMs) : 0,
  }
}

/** Milliseconds until so many tokens can be taken from such a bucket; 0 when they can be now. */
export function waitOfMissing(rate: BucketRate, missingMs: number, tokens: number): number {
  if (tokens > rate.capacity) return Infinity
  return waitFor(missingMs + costMs(tokens, rate) - fillMs(rate))
}
