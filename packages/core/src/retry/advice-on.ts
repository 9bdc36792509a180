import { classify } from '../errors/classify.js'
import type { Condition } from '../errors/conditions.js'
import { GatewayError } from '../errors/gateway-error.js'
import { read, readErrorStatus, readText } from '../errors/read.js'
import { noRetry, retryAnyTime, type Advice } from './advice.js'
import { isHopeless } from '../errors/retry.js'
import { adviceOfGatewayError } from './answer-retry.js'
import { readBodyAdvice } from './error-body.js'
import { headerOf, retryAfterOf } from './retry-after.js'

/**
 * Codes that know better than the status beside them. They only ever forbid: a key's spent cap and a
 * lost race are both 403 `pre_consume_token_quota_failed` at some gateways, and only the second,
 * which says so in `x-should-retry`, may be tried again.
 */
const byCode: Readonly<Record<string, 'no' | 'once'>> = {
  pre_consume_token_quota_failed: 'once',
  convert_request_failed: 'no',
  channel_invalid_key: 'no',
  channel_model_mapped_error: 'no',
  // OpenAI itself says it with a 429.
  insufficient_quota: 'no',
}

/** What `classify` calls the ways in which no answer, or half of one, came back. */
const lostOnTheWay: ReadonlySet<Condition> = new Set([
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_read_failed',
])

/**
 * What a failure of any kind says about trying again. Never throws.
 *
 * @param failure anything that was thrown, or a Response
 * @param nowMs the wall time, in milliseconds since 1970
 * @param body the body of a Response, when somebody has read it
 */
export function adviceOn(failure: unknown, nowMs: number, body?: unknown): Advice {
  if (typeof failure !== 'object' || failure === null) return noRetry
  try {
    if (GatewayError.is(failure)) return adviceOfGatewayError(failure, nowMs)
    if (isAbort(failure)) return noRetry
    if (isBrokenGeminiStream(failure)) return noRetry
    const response = read(failure, 'response')
    const status = statusOf(failure) ?? statusOf(response)
    if (status === undefined) return isLost(failure) ? retryAnyTime : noRetry
    return adviceOfAnswer(
      status,
      headersOf(failure, response),
      body ?? bodyOf(failure, response),
      nowMs,
    )
  } catch {
    // A Proxy may throw from anything, `instanceof` included.
    return noRetry
  }
}

function adviceOfAnswer(status: number, headers: unknown, body: unknown, nowMs: number): Advice {
  const said = readBodyAdvice(body)
  const byItsCode =
    said.code !== undefined && Object.hasOwn(byCode, said.code) ? byCode[said.code] : undefined
  if (said.retryable === false || byItsCode === 'no') return noRetry
  const shouldRetry = headerOf(headers, 'x-should-retry')
  if (shouldRetry === 'false') return noRetry
  if (shouldRetry !== 'true' && (!isTransient(status) || isHopeless(said.upstreamStatus))) {
    return noRetry
  }
  return { retry: byItsCode ?? 'yes', waitMs: retryAfterOf(headers, nowMs) ?? said.waitMs }
}

/** The statuses that may be gone the next time; the official SDKs go by the same. */
function isTransient(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

function statusOf(value: unknown): number | undefined {
  return readErrorStatus(value, 'status') ?? readErrorStatus(value, 'statusCode')
}

/** Where HTTP clients put the headers: a Response and most of them, the rest, the Vercel SDK. */
function headersOf(failure: object, response: unknown): unknown {
  return read(failure, 'headers') ?? read(response, 'headers') ?? read(failure, 'responseHeaders')
}

/**
 * Where HTTP clients put the body: the official SDKs, axios, got, the Vercel SDK. `@google/genai`
 * makes it the message.
 */
function bodyOf(failure: object, response: unknown): unknown {
  return (
    read(failure, 'error') ??
    read(response, 'data') ??
    read(response, 'body') ??
    read(failure, 'responseBody') ??
    read(failure, 'message')
  )
}

const abortNames: ReadonlySet<unknown> = new Set(['AbortError', 'CanceledError'])
const abortCodes: ReadonlySet<unknown> = new Set(['ABORT_ERR', 'ERR_CANCELED', 'UND_ERR_ABORTED'])

/**
 * Whether somebody wanted it to end: fetch, undici, node, axios, and the official SDKs' own way. The
 * timeout of `@google/genai` cannot be told from that.
 */
function isAbort(failure: object): boolean {
  return (
    abortNames.has(read(failure, 'name')) ||
    abortCodes.has(read(failure, 'code')) ||
    (hasNoAnswer(failure) && readText(failure, 'message') === 'Request was aborted.')
  )
}

/**
 * An error in the middle of a stream of `@google/genai`. It has a status like any other, but words
 * before its JSON.
 */
function isBrokenGeminiStream(failure: object): boolean {
  return (
    read(failure, 'name') === 'ApiError' &&
    readText(failure, 'message')?.startsWith('got status: ') === true
  )
}

function isLost(failure: object): boolean {
  return hasNoAnswer(failure) || lostOnTheWay.has(classify(failure).condition)
}

/**
 * An error of the official SDKs that has room for an answer and none in it: the connection failed.
 * With headers but no status it is an error in the middle of a stream, which is another thing: part
 * of the answer may have been used already.
 */
function hasNoAnswer(failure: object): boolean {
  return (
    'status' in failure &&
    'headers' in failure &&
    'error' in failure &&
    read(failure, 'status') === undefined &&
    read(failure, 'headers') === undefined &&
    read(failure, 'error') === undefined
  )
}
