import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Answer, Dialect } from '../dialects/dialect.js'
import type { Reply } from '../exchange.js'
import { openaiEnvelope } from '../protocols/openai.js'
import type { GatewayError } from './gateway-error.js'

/** Longest message shown to a caller, in characters; what is longer is cut. */
const messageLength = 1_000
/** Longest `param` shown to a caller, in characters. */
const paramLength = 200
/** A wait longer than a day is announced as a day. */
const longestWaitMs = 86_400_000

/** What the formatter must know about the request. */
export interface FormatContext {
  readonly dialect: Dialect
  readonly requestId: string
}

/**
 * The answer to an error: status, headers and the envelope, in the request's dialect. Never fails;
 * where formatting itself does, the answer is a static text that says internal_error.
 */
export function formatError(error: GatewayError, context: FormatContext): Reply {
  try {
    const answer = error.answerIn(context.dialect)
    const body = formatEnvelope(error, context)
    return { status: answer[0], headers: errorHeaders(error, answer, body), body }
  } catch {
    return lastResort(context)
  }
}

/** The envelope alone, as JSON. */
export function formatEnvelope(error: GatewayError, context: FormatContext): string {
  const [, type, code] = error.answerIn(context.dialect)
  return openaiEnvelope(
    {
      message: cut(messageOf(error, context.dialect), messageLength),
      type,
      code,
      param: error.param === undefined ? null : cut(error.param, paramLength),
      request_id: context.requestId,
      details: error.details,
    },
    context.dialect,
  )
}

/** The error's own words, the dialect's, or the condition's, in this order. */
function messageOf(error: GatewayError, dialect: Dialect): string {
  if (error.hasOwnMessage) return error.message
  const template = dialect.messages[error.condition]
  if (template === undefined) return error.message
  return fill(template, error.details) ?? error.message
}

/** Puts details in the places of `{name}`; undefined when one is not there. */
function fill(template: string, details: GatewayError['details']): string | undefined {
  let filled = ''
  let rest = template
  for (;;) {
    const open = rest.indexOf('{')
    if (open === -1) return filled + rest
    const close = rest.indexOf('}', open)
    const value = details?.[rest.slice(open + 1, close)]
    if (close === -1 || value === undefined) return undefined
    filled += rest.slice(0, open) + String(value)
    rest = rest.slice(close + 1)
  }
}

function errorHeaders(error: GatewayError, answer: Answer, body: string): Record<string, string> {
  const [status] = answer
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
  }
  // RFC 6750, section 3: no error code when the caller sent no credential at all.
  if (status === 401) {
    headers['www-authenticate'] =
      error.condition === 'api_key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  }
  const waitMs = waitOf(error, answer)
  if (waitMs !== undefined) {
    // Rounded up, so that whoever waits as told is let in; 0 would mean "at once" to clients.
    headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)))
    headers['retry-after-ms'] = String(Math.max(1, Math.ceil(waitMs)))
  }
  const shouldRetry = mayRetry(error, answer)
  if (shouldRetry !== retriedByStatus(status)) headers['x-should-retry'] = String(shouldRetry)
  for (const [name, value] of Object.entries(error.headers ?? {})) {
    const isFree = headers[name] === undefined || name === 'www-authenticate'
    if (isFree && isHeader(name, value)) headers[name] = value
  }
  return headers
}

/** A header Node would throw at is left out: the answer matters more. */
function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

function waitOf(error: GatewayError, answer: Answer): number | undefined {
  const { retryAfterMs } = error
  // Not `< 0`, which NaN is not.
  if (retryAfterMs !== undefined && retryAfterMs >= 0) return Math.min(retryAfterMs, longestWaitMs)
  return answer[3] === 'after' ? 1_000 : undefined
}

function mayRetry(error: GatewayError, answer: Answer): boolean {
  switch (answer[3]) {
    case 'no':
      return false
    case 'yes':
    case 'after':
    case 'once':
      return true
    case '5xx': {
      const status = error.details?.['status_code']
      return typeof status !== 'number' || status === 408 || status === 429 || status >= 500
    }
  }
}

/** What the official SDKs do by themselves; `x-should-retry` is needed only where that is wrong. */
function retriedByStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

function lastResort(context: FormatContext): Reply {
  const body = `{"error":{"message":"Internal server error.","type":"server_error","code":"internal_error","param":null,"request_id":${JSON.stringify(context.requestId)}}}`
  return {
    status: 500,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}
