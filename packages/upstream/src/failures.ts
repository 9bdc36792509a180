import { fromUpstreamStatus, GatewayError, type Condition, type Dialect } from '@lazu/core'
import type { Phase } from './deadlines.js'

/**
 * Who a failed call is to be blamed on. `channel`: another one may do better. `busy`: the channel has
 * had too many requests. `caller`: no channel would do better.
 */
export type Blame = 'channel' | 'busy' | 'caller'

/** Why a call to a channel failed. */
export class Failure {
  readonly error: GatewayError
  readonly blame: Blame
  /** What happened, in words of ours. */
  readonly cause: string
  /** What the upstream answered with, when it did. */
  readonly status: number | undefined

  constructor(error: GatewayError, blame: Blame, cause: string, status?: number) {
    this.error = error
    this.blame = blame
    this.cause = cause
    this.status = status
  }
}

/** What led to a failure, for the log: made of our own words only. */
class ChannelError extends Error {
  override readonly name = 'ChannelError'
}

function failure(
  channel: string,
  condition: Condition,
  cause: string,
  blame: Blame = 'channel',
): Failure {
  const options = { cause: new ChannelError(`channel "${channel}": ${cause}`) }
  return new Failure(new GatewayError(condition, options), blame, cause)
}

/** A limit of the channel's own was over. */
export function channelTimedOut(channel: string, phase: Phase, ms: number): Failure {
  return failure(channel, 'channel_timeout', timeText(phase, ms))
}

/** A limit that the request was given was over. */
export function requestTimedOut(channel: string, phase: Phase, ms: number): Failure {
  return failure(channel, 'upstream_timeout', `${timeText(phase, ms)}, of the request`, 'caller')
}

/** Somebody has called `close()`. */
export function channelsClosed(channel: string): Failure {
  return failure(channel, 'internal_error', 'the channels are closed', 'caller')
}

function timeText(phase: Phase, ms: number): string {
  return `the time limit "${phase}" of ${ms} ms is over`
}

/** What the errors of sockets, DNS and undici are called in a sentence, by their code or their name. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_SOCKET: 'connection closed',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  UND_ERR_HEADERS_OVERFLOW: 'the head of its answer is too large',
  HTTPParserError: 'its answer is no HTTP',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its answer is not as long as it said',
}

/** What an upstream that ends a connection leads to. */
const closing = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** Whether the upstream has ended the connection. */
export function isClosed(error: Error): boolean {
  return closing.has(codeOf(error) ?? '')
}

/** Errors of undici's own: they are no failure of the upstream. */
const ownErrors = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

/**
 * The connection failed.
 *
 * @param error what undici says. Addresses and bytes of the answer may be in it, so only its code is
 * told
 * @param status what the upstream has answered with; undefined before it has
 */
export function connectionFailed(
  channel: string,
  error: Error,
  status: number | undefined,
): Failure {
  const code = codeOf(error)
  const cause = code === undefined ? wordsFor(error.name) : `${wordsFor(code)} (${code})`
  if (code !== undefined && ownErrors.has(code)) {
    return failure(channel, 'internal_error', cause, 'caller')
  }
  if (status !== undefined) return failure(channel, 'upstream_read_failed', cause)
  const isBadHead = code === 'UND_ERR_HEADERS_OVERFLOW' || error.name === 'HTTPParserError'
  return failure(channel, isBadHead ? 'upstream_bad_response' : 'upstream_unreachable', cause)
}

/** @param code of an error, or the name of one without */
function wordsFor(code: string): string {
  if (Object.hasOwn(words, code)) return words[code] ?? ''
  const isOfTls = /^(?:ERR_TLS|ERR_SSL|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)
  return isOfTls ? 'no secure connection' : 'connection failed'
}

/** A code as Node and undici write them, of an error or of the one behind it. */
function codeOf(error: Error): string | undefined {
  for (const link of [error, error.cause]) {
    if (!(link instanceof Error) || !('code' in link)) continue
    if (typeof link.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(link.code)) return link.code
  }
  return undefined
}

/**
 * The upstream answered with an error.
 *
 * @param retryAfterMs how long it asks to wait
 */
export function answeredWith(
  channel: string,
  status: number,
  dialect: Dialect,
  retryAfterMs: number | undefined,
): Failure {
  const cause = `it answered with the status ${status}`
  const error = fromUpstreamStatus(
    status,
    new ChannelError(`channel "${channel}": ${cause}`),
    dialect,
    retryAfterMs,
  )
  return new Failure(error, blameFor(status), cause, status)
}

/** 402: its account is empty. A redirect is no answer either. */
function blameFor(status: number): Blame {
  if (status === 429) return 'busy'
  const isOfChannel = status < 400 || status >= 500 || [401, 402, 403].includes(status)
  return isOfChannel ? 'channel' : 'caller'
}

/** A 2xx with something in it that cannot be passed on. */
export function badAnswer(channel: string, cause: string): Failure {
  return failure(channel, 'upstream_bad_response', cause)
}

/**
 * A 2xx of a type that is not passed on. A page in HTML, or something of no type, is no answer of an
 * API. Of any other type it is what the caller asked for: no channel would do better.
 */
export function unknownAnswer(channel: string, contentType: string): Failure {
  const isNone = contentType === '' || /^(?:text\/html|application\/xhtml)\b/i.test(contentType)
  const cause = 'its answer is neither JSON nor a stream'
  return failure(channel, 'upstream_bad_response', cause, isNone ? 'channel' : 'caller')
}

/** A 2xx with nothing in it. */
export function emptyAnswer(channel: string): Failure {
  return failure(channel, 'upstream_empty_response', 'its answer is empty')
}

/** A body is wrong: what the reader of an event stream, or of JSON, threw. */
export function brokenBody(channel: string, thrown: unknown): Failure {
  if (!GatewayError.is(thrown)) return badAnswer(channel, 'its answer could not be read')
  const { condition, details, hasOwnMessage, message, retryAfterMs, cause: inner } = thrown
  const cause = inner instanceof Error ? inner.message : 'its answer is broken'
  const error = new GatewayError(condition, {
    message: hasOwnMessage ? message : undefined,
    details,
    retryAfterMs,
    cause: new ChannelError(`channel "${channel}": ${cause}`),
  })
  const told = details?.['status_code']
  return new Failure(error, typeof told === 'number' ? blameFor(told) : 'channel', cause)
}
