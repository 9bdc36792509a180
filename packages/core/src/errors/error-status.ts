import type { Condition } from './conditions.js'
import { GatewayError } from './gateway-error.js'
import { read, readText } from './read.js'

/** The condition an HTTP status stands for when it is all an error says. */
const byStatus: Readonly<Record<number, Condition>> = {
  400: 'request_invalid',
  401: 'api_key_invalid',
  402: 'insufficient_quota',
  403: 'access_denied',
  404: 'route_not_found',
  405: 'method_not_allowed',
  408: 'body_unreadable',
  413: 'body_too_large',
  415: 'media_type_unsupported',
  422: 'value_invalid',
  429: 'request_rate_limited',
  502: 'upstream_bad_response',
  503: 'gateway_overloaded',
  504: 'upstream_timeout',
}

/** Names of headers that describe a body, which will be another one, or the connection. */
const notForwarded = new Set(['transfer-encoding', 'connection', 'keep-alive', 'trailer'])

/**
 * An error that says its status: one of http-errors, of Koa's `ctx.throw`, or any with `status`.
 * Its message reaches the caller only where the error itself says so (`expose`) and the fault is the
 * caller's; a 4xx no condition has keeps its number.
 */
export function fromErrorStatus(status: number, thrown: object): GatewayError {
  const condition = byStatus[status]
  const callersFault = status < 500
  const exposed = callersFault && read(thrown, 'expose') === true
  const headers = forwardedHeaders(read(thrown, 'headers'))
  return new GatewayError(condition ?? (callersFault ? 'request_invalid' : 'internal_error'), {
    message: exposed ? readText(thrown, 'message') : undefined,
    headers,
    retryAfterMs: retryAfterMs(headers?.['retry-after']),
    status: callersFault && condition === undefined ? status : undefined,
    cause: thrown,
  })
}

/** Headers the thrower wants on the answer: `Allow`, `WWW-Authenticate` and the like. */
function forwardedHeaders(headers: unknown): Record<string, string> | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  const forwarded: Record<string, string> = {}
  try {
    for (const [name, value] of Object.entries(headers).slice(0, 50)) {
      const lower = name.toLowerCase()
      if (lower.startsWith('content-') || notForwarded.has(lower)) continue
      if (typeof value === 'string' || typeof value === 'number') forwarded[lower] = String(value)
    }
  } catch {
    return undefined
  }
  return forwarded
}

function retryAfterMs(value: unknown): number | undefined {
  const seconds = Number(value)
  return value !== undefined && Number.isFinite(seconds) && seconds >= 0
    ? seconds * 1000
    : undefined
}
