import type { Exchange } from '../exchange.js'
import { tightestState } from '../limits/rule.js'
import { goDuration } from './durations.js'
import type { ErrorContent } from './error-content.js'
import type { ProtocolFormat } from './protocol-format.js'

/**
 * The OpenAI protocol: `{"error": {...}}` with the members the dialect has, in its order, and hints
 * behind them. In a stream `data: {"error": ...}`, which is what its clients throw on.
 */
export const openai: ProtocolFormat = {
  contentType: 'application/json; charset=utf-8',
  envelope(content) {
    const error: Record<string, unknown> = {}
    for (const member of content.dialect.envelope) error[member] = memberOf(content, member)
    error['details'] ??= upstreamStatus(content)
    // Not spread into a new object, which takes four times as long as all the rest.
    return JSON.stringify({ error: Object.assign(error, content.hints) })
  },
  // The blank line ends whatever event was being written.
  streamFrame: (envelope) => `\n\ndata: ${envelope}\n\n`,
  // Its rate headers are one of the styles a dialect may choose.
  setRateHeaders: () => false,
}

function memberOf(
  content: ErrorContent,
  member: ErrorContent['dialect']['envelope'][number],
): unknown {
  return member === 'request_id' ? content.requestId : content[member]
}

/** The upstream's own status is told in every dialect, also where details are not. */
function upstreamStatus({ details }: ErrorContent): object | undefined {
  const status = details?.['status_code']
  return status === undefined ? undefined : { status_code: status }
}

/** OpenAI's own rate headers, from the tightest rule of each unit. */
export function setOpenaiRateHeaders(exchange: Exchange): void {
  for (const unit of ['requests', 'tokens'] as const) {
    const state = tightestState(exchange.limits, unit)
    if (state === undefined) continue
    exchange.setHeader(`x-ratelimit-limit-${unit}`, String(state.limit))
    exchange.setHeader(`x-ratelimit-remaining-${unit}`, String(state.remaining))
    exchange.setHeader(`x-ratelimit-reset-${unit}`, goDuration(state.resetMs))
  }
}
