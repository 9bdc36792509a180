import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Answer, Dialect } from '../dialects/dialect.js'
import type { Reply } from '../exchange.js'
import { defaultFormat } from '../protocols/index.js'
import type { ProtocolFormat } from '../protocols/protocol-format.js'
import type { ErrorDetails, GatewayError, Hints } from './gateway-error.js'
import { messageOf, retryAfterSeconds } from './message.js'
import { announcedWaitMs, mayRetry } from './retry.js'
import { nextSteps } from './next-steps.js'

/** Longest message shown to a caller, in characters; what is longer is cut. */
const messageLength = 1_000
/** Longest `param`, and longest text of a hint or of a detail, in characters. */
const paramLength = 200
/** So many suggestions or alternatives at most. */
const listLength = 10

/** What the formatter must know about the request. */
export interface FormatContext {
  readonly dialect: Dialect
  readonly requestId: string
  /** The protocol's envelope; OpenAI's unless given. */
  readonly format?: ProtocolFormat | undefined
  /** Whether hints are shown; as the dialect does unless given. */
  readonly hints?: boolean | undefined
  /** The model the request asks for, for messages that name it. */
  readonly model?: string | undefined
  /** What may be suggested to this caller. Asked only where hints are shown. */
  readonly suggest?: ((error: GatewayError) => Hints) | undefined
}

/**
 * The answer to an error: status, headers and the envelope, in the request's dialect and protocol.
 * Never fails; where formatting itself does, the answer is a static text that says internal_error.
 */
export function formatError(error: GatewayError, context: FormatContext): Reply {
  try {
    const answer = error.answerIn(context.dialect)
    const { contentType } = context.format ?? defaultFormat
    const body = formatEnvelope(error, context)
    return { status: answer[0], headers: errorHeaders(error, answer, body, contentType), body }
  } catch {
    return lastResort(context)
  }
}

/** The envelope alone, as JSON. */
export function formatEnvelope(error: GatewayError, context: FormatContext): string {
  const { dialect, requestId, format = defaultFormat } = context
  const answer = error.answerIn(dialect)
  const [status, type, code] = answer
  const waitMs = announcedWaitMs(error, answer)
  return format.envelope({
    condition: error.condition,
    dialect,
    status,
    type,
    code,
    message: cut(messageOf(error, context, waitMs), messageLength),
    param: error.param === undefined ? null : cut(error.param, paramLength),
    requestId,
    details: error.details === undefined ? undefined : cutDetails(error.details),
    waitMs,
    hints: (context.hints ?? dialect.hints) ? hintsOf(error, answer, context) : undefined,
  })
}

/** What the thrower, the gateway and the contract know that a program can act on. */
function hintsOf(error: GatewayError, answer: Answer, context: FormatContext): Hints {
  const waitMs = announcedWaitMs(error, answer)
  const { facts, hints: own } = error
  const known = context.suggest?.(error)
  // Member by member: spreading objects into one another costs more than all the rest.
  return {
    hint: cutText(own?.hint ?? known?.hint ?? nextSteps[error.condition]),
    did_you_mean: cutText(own?.did_you_mean ?? known?.did_you_mean),
    suggestions: cutList(own?.suggestions ?? known?.suggestions),
    alternatives: cutList(own?.alternatives ?? known?.alternatives),
    retryable: mayRetry(error, answer),
    retry_after: waitMs === undefined ? undefined : retryAfterSeconds(waitMs),
    balance_usd: own?.balance_usd ?? numberOf(facts?.['balance_usd']),
    estimated_cost_usd: own?.estimated_cost_usd ?? numberOf(facts?.['estimated_cost_usd']),
  }
}

function cutText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : cut(text, paramLength)
}

function cutDetails(details: ErrorDetails): ErrorDetails {
  const short: Record<string, ErrorDetails[string]> = {}
  for (const [name, value] of Object.entries(details)) {
    short[name] = typeof value === 'string' ? cut(value, paramLength) : value
  }
  return short
}

function cutList(list: readonly string[] | undefined): readonly string[] | undefined {
  if (list === undefined || list.length === 0) return undefined
  return list.slice(0, listLength).map((text) => cut(text, paramLength))
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function errorHeaders(
  error: GatewayError,
  answer: Answer,
  body: string,
  contentType: string,
): Record<string, string> {
  const [status] = answer
  const headers: Record<string, string> = {
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
  }
  // RFC 6750, section 3: no error code when the caller sent no credential at all.
  if (status === 401) {
    headers['www-authenticate'] =
      error.condition === 'api_key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  }
  const waitMs = announcedWaitMs(error, answer)
  if (waitMs !== undefined) {
    headers['retry-after'] = String(retryAfterSeconds(waitMs))
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

/** What the official SDKs do by themselves; `x-should-retry` is needed only where that is wrong. */
function retriedByStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

function lastResort({ requestId }: FormatContext): Reply {
  const body = `{"error":{"message":"Internal server error.","type":"server_error","code":"internal_error","param":null,"request_id":${JSON.stringify(requestId)}}}`
  return {
    status: 500,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}
