import type { Exchange } from '../exchange.js'
import { tightestState } from '../limits/rule.js'
import { unixSecondsAfter, wholeSeconds } from './durations.js'
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
  const resetSeconds = unixSecondsAfter(state.resetMs, clock.wallMs())
  exchange.setHeader('x-ratelimit-reset', String(resetSeconds))
}

/**
 * draft-ietf-httpapi-ratelimit-headers-10: the policies, and what is left of each; `t` is the time
 * until more quota is there. Lists of strings with integer parameters (RFC 9651). Left out: a
 * limiter that does not tell its limit.
 */
function setRateLimitFields(exchange: Exchange): void {
  const states = exchange.limits.filter(({ limit }) => limit > 0)
  if (states.length === 0) return
  const policies = states.map(({ rule, limit, windowSeconds }) => {
    const window = windowSeconds > 0 ? `;w=${Math.max(1, Math.round(windowSeconds))}` : ''
    return `${quoted(rule)};q=${integer(limit)}${window}`
  })
  const left = states.map(({ rule, remaining, moreInMs }) => {
    return `${quoted(rule)};r=${integer(remaining)};t=${wholeSeconds(moreInMs)}`
  })
  exchange.setHeader('ratelimit-policy', policies.join(', '))
  exchange.setHeader('ratelimit', left.join(', '))
}

/** An integer of RFC 9651 has 15 digits at most. */
function integer(value: number): number {
  return Math.min(value, 999_999_999_999_999)
}

/** A string of RFC 9651: printable ASCII, quotes and backslashes escaped. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^ -~]/gu, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
