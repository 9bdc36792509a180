import type { Dialect } from '../dialects/dialect.js'
import type { Exchange } from '../exchange.js'
import type { RuleState } from '../limits/rule.js'

/** What an error says, ready to be put into an envelope. */
export interface ErrorContent {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
  readonly request_id: string
  readonly details: object | undefined
}

/** The OpenAI envelope, `{"error": {...}}`, with the members the dialect has, in its order. */
export function openaiEnvelope(content: ErrorContent, dialect: Dialect): string {
  const error: Record<string, unknown> = {}
  for (const member of dialect.envelope) error[member] = content[member]
  return JSON.stringify({ error })
}

/**
 * An error in an event stream that has begun. The blank line before it ends whatever event was
 * being written. Clients of this protocol throw on `data: {"error": ...}`.
 */
export function openaiStreamFrame(envelope: string): string {
  return `\n\ndata: ${envelope}\n\n`
}

/** The headers OpenAI's clients know, from the tightest rule of each unit. */
export function setOpenaiRateHeaders(exchange: Exchange): void {
  for (const unit of ['requests', 'tokens'] as const) {
    const state = tightest(exchange.limits, unit)
    if (state === undefined) continue
    exchange.setHeader(`x-ratelimit-limit-${unit}`, String(state.limit))
    exchange.setHeader(`x-ratelimit-remaining-${unit}`, String(state.remaining))
    exchange.setHeader(`x-ratelimit-reset-${unit}`, goDuration(state.resetMs))
  }
}

function tightest(
  limits: readonly RuleState[],
  unit: 'requests' | 'tokens',
): RuleState | undefined {
  let found: RuleState | undefined
  for (const state of limits) {
    if (state.unit !== unit) continue
    if (found === undefined || state.remaining < found.remaining) found = state
  }
  return found
}

/** A time as Go writes it, which is how these headers are written: `12ms`, `1s`, `6m0s`. */
export function goDuration(ms: number): string {
  const whole = Math.ceil(ms)
  if (whole < 1000) return `${whole}ms`
  const seconds = Math.ceil(whole / 1000)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}
