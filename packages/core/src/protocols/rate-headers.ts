import type { Exchange } from '../exchange.js'
import { tightestState, type RuleState } from '../limits/rule.js'
import { setOpenaiRateHeaders } from './openai.js'

/** Tells the caller where the limits stand, in the headers its protocol or dialect has for it. */
export function announceLimits(exchange: Exchange): void {
  if (!exchange.format.setRateHeaders(exchange)) setDialectRateHeaders(exchange)
  if (exchange.rateLimitFields) setRateLimitFields(exchange)
}

function setDialectRateHeaders(exchange: Exchange): void {
  switch (exchange.dialect.rateHeaders) {
    case 'openai':
      setOpenaiRateHeaders(exchange)
      return
    case 'reset':
      setResetRateHeaders(exchange)
      return
    case 'none':
      return
  }
}

/** X-RateLimit-Limit, -Remaining and -Reset, by requests where they are limited, else by tokens. */
function setResetRateHeaders(exchange: Exchange): void {
  const { limits, clock } = exchange
  const state = tightestState(limits, 'requests') ?? tightestState(limits, 'tokens')
  if (state === undefined) return
  exchange.setHeader('x-ratelimit-limit', String(state.limit))
  exchange.setHeader('x-ratelimit-remaining', String(state.remaining))
  const resetSeconds = Math.ceil((clock.wallMs() + state.resetMs) / 1000)
  exchange.setHeader('x-ratelimit-reset', String(resetSeconds))
}

/**
 * draft-ietf-httpapi-ratelimit-headers-10: the policies, and what is left of each; `t` is the time
 * until more quota is there. Lists of strings with integer parameters (RFC 9651).
 */
function setRateLimitFields(exchange: Exchange): void {
  const states = exchange.limits.filter((state) => state.unit !== 'concurrency')
  if (states.length === 0) return
  const policies = states.map(({ rule, limit }) => `${quoted(rule)};q=${limit};w=60`)
  const left = states.map(
    (state) => `${quoted(state.rule)};r=${state.remaining};t=${secondsToMore(state)}`,
  )
  exchange.setHeader('ratelimit-policy', policies.join(', '))
  exchange.setHeader('ratelimit', left.join(', '))
}

/** Whole seconds until the next request or token is there. */
function secondsToMore({ limit, resetMs }: RuleState): number {
  const msPerToken = 60_000 / limit
  return Math.ceil(
    (resetMs % msPerToken === 0 && resetMs > 0 ? msPerToken : resetMs % msPerToken) / 1000,
  )
}

/** A string of RFC 9651: printable ASCII, quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^ -~]/g, '?').replaceAll(/["\\\\]/g, String.raw`\\$&`)}"`
}
