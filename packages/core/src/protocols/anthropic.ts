import type { Exchange } from '../exchange.js'
import { tightestState } from '../limits/rule.js'
import { rfc3339After } from './durations.js'
import type { ProtocolFormat } from './protocol-format.js'

/** https://docs.anthropic.com/en/api/errors; the statuses it has no type for go by their class. */
const typeByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'api_error',
  502: 'api_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/**
 * The Anthropic protocol: type `error`, the error's own type by its status, the dialect's code in
 * `error.details.error_code`, the request id at the top. In a stream an `event: error`; without that
 * line its client drops the error silently.
 */
export const anthropic: ProtocolFormat = {
  contentType: 'application/json; charset=utf-8',
  envelope(content) {
    const { condition, dialect, status, code, message, param, requestId } = content
    return JSON.stringify({
      type: 'error',
      error: {
        type: dialect.anthropicTypes[condition] ?? typeOf(status),
        message,
        details: { ...content.details, error_code: code, ...(param === null ? {} : { param }) },
        ...content.hints,
      },
      request_id: requestId,
    })
  },
  streamFrame: (envelope) => `\n\nevent: error\ndata: ${envelope}\n\n`,
  setRateHeaders(exchange: Exchange) {
    for (const unit of ['requests', 'tokens'] as const) {
      const state = tightestState(exchange.limits, unit)
      if (state === undefined) continue
      const name = `anthropic-ratelimit-${unit}`
      exchange.setHeader(`${name}-limit`, String(state.limit))
      exchange.setHeader(`${name}-remaining`, String(state.remaining))
      exchange.setHeader(`${name}-reset`, rfc3339After(state.resetMs, exchange.clock.wallMs()))
    }
    return true
  },
}

/** Every type this protocol has of its own. */
export const anthropicTypes: readonly string[] = [...new Set(Object.values(typeByStatus))]

function typeOf(status: number): string {
  return typeByStatus[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
}
