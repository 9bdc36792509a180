import type { Dialect } from '../dialects/dialect.js'
import { lazu } from '../dialects/lazu.js'
import type { Condition } from './conditions.js'
import { fromAjvIssues } from './ajv-error.js'
import { fromErrorStatus } from './error-status.js'
import { GatewayError } from './gateway-error.js'
import { read, readErrorStatus, readText } from './read.js'
import { fromUpstreamStatus } from './upstream-status.js'
import { fromZodIssues } from './zod-error.js'

/** body-parser's and raw-body's `type`. */
const bodyParserTypes: Readonly<Record<string, Condition>> = {
  'entity.parse.failed': 'body_malformed',
  'entity.too.large': 'body_too_large',
  'parameters.too.many': 'body_too_large',
  'charset.unsupported': 'body_unreadable',
  'encoding.unsupported': 'body_unreadable',
  'request.aborted': 'body_unreadable',
  'request.size.invalid': 'body_unreadable',
  'entity.verify.failed': 'access_denied',
  'querystring.parse.rangeError': 'request_invalid',
}

/** Fastify's, Node's, undici's and zlib's `code`. */
const codes: Readonly<Record<string, Condition>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'body_malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body_malformed',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body_unreadable',
  FST_ERR_BAD_URL: 'request_invalid',
  FST_ERR_NOT_FOUND: 'route_not_found',
  FST_ERR_HANDLER_TIMEOUT: 'request_timeout',

  Z_DATA_ERROR: 'body_unreadable',
  Z_BUF_ERROR: 'body_unreadable',
  Z_NEED_DICT: 'body_unreadable',

  ECONNREFUSED: 'upstream_unreachable',
  ECONNRESET: 'upstream_unreachable',
  ECONNABORTED: 'upstream_unreachable',
  EHOSTUNREACH: 'upstream_unreachable',
  ENETUNREACH: 'upstream_unreachable',
  ENOTFOUND: 'upstream_unreachable',
  EAI_AGAIN: 'upstream_unreachable',
  EPIPE: 'upstream_unreachable',
  EPROTO: 'upstream_unreachable',
  CERT_HAS_EXPIRED: 'upstream_unreachable',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'upstream_unreachable',
  SELF_SIGNED_CERT_IN_CHAIN: 'upstream_unreachable',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'upstream_unreachable',
  ERR_TLS_CERT_ALTNAME_INVALID: 'upstream_unreachable',
  UND_ERR_SOCKET: 'upstream_unreachable',
  ETIMEDOUT: 'upstream_timeout',
  ESOCKETTIMEDOUT: 'upstream_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'upstream_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'upstream_timeout',
  UND_ERR_BODY_TIMEOUT: 'upstream_timeout',
  UND_ERR_RESPONSE_STATUS_CODE: 'upstream_rejected',
  ERR_STREAM_PREMATURE_CLOSE: 'upstream_read_failed',
}

/**
 * Makes a GatewayError of anything that can be thrown. What it does not know is `internal_error`;
 * the message of such a thing never reaches the caller, it stays in `cause`.
 *
 * Knows: GatewayError, ZodError (3 and 4), the errors of body-parser, koa-bodyparser and Fastify
 * (its validation too), http-errors, Koa errors with `expose`, AbortError, TimeoutError, network
 * errors of fetch, undici and node:net, an upstream's Response, errors of API clients that carry
 * one. Safe on a string, null, an object whose getters throw, or a Proxy that does.
 *
 * @param dialect the request's: it says whose fault an upstream's 400 is
 */
export function classify(thrown: unknown, dialect: Dialect = lazu): GatewayError {
  if (GatewayError.is(thrown)) return thrown
  return recognise(thrown, dialect) ?? new GatewayError('internal_error', { cause: thrown })
}

function recognise(thrown: unknown, dialect: Dialect): GatewayError | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  try {
    return (
      fromValidation(thrown) ??
      fromBodyParser(thrown) ??
      fromCode(thrown) ??
      fromUpstream(thrown, dialect) ??
      fromAbort(thrown) ??
      fromSdk(thrown) ??
      fromStatus(thrown)
    )
  } catch {
    // A Proxy may throw from anything, `instanceof` included.
    return undefined
  }
}

function fromValidation(thrown: object): GatewayError | undefined {
  const name = readText(thrown, 'name')
  const issues = read(thrown, 'issues')
  if ((name === 'ZodError' || name === '$ZodError') && Array.isArray(issues) && issues.length > 0) {
    return fromZodIssues(issues, thrown)
  }
  const validation = read(thrown, 'validation')
  if (Array.isArray(validation) && validation.length > 0) return fromAjvIssues(validation, thrown)
  return undefined
}

function fromBodyParser(thrown: object): GatewayError | undefined {
  const type = readText(thrown, 'type')
  if (type !== undefined && Object.hasOwn(bodyParserTypes, type)) {
    const condition = bodyParserTypes[type]
    // Only together with a status: `type` alone is too common a name.
    if (condition !== undefined && readErrorStatus(thrown, 'status') !== undefined) {
      return new GatewayError(condition, { cause: thrown })
    }
  }
  // koa-bodyparser and Fastify's own JSON parser throw a SyntaxError with a status. One without is
  // a bug in somebody's code, not a bad body.
  if (readText(thrown, 'name') === 'SyntaxError') {
    const status = readErrorStatus(thrown, 'status') ?? readErrorStatus(thrown, 'statusCode')
    if (status === 400) return new GatewayError('body_malformed', { cause: thrown })
  }
  return undefined
}

/** A code on the error itself, or on what caused it: fetch says only "fetch failed". */
function fromCode(thrown: object): GatewayError | undefined {
  let link: unknown = thrown
  for (let depth = 0; depth < 4 && link !== undefined && link !== null; depth++) {
    const code = readText(link, 'code')
    const condition = code !== undefined && Object.hasOwn(codes, code) ? codes[code] : undefined
    if (condition !== undefined) {
      // The body broke off: undici says "terminated" with a socket error as its cause.
      if (depth > 0 && readText(thrown, 'message') === 'terminated') {
        return new GatewayError('upstream_read_failed', { cause: thrown })
      }
      return new GatewayError(condition, { cause: thrown })
    }
    link = read(link, 'cause')
  }
  const message = readText(thrown, 'message')
  // Brotli has a code for each way its data can be wrong, and one message for all of them.
  if (message === 'Decompression failed' && typeof read(thrown, 'errno') === 'number') {
    return new GatewayError('body_unreadable', { cause: thrown })
  }
  if (readText(thrown, 'name') === 'TypeError') {
    if (message === 'fetch failed') {
      return new GatewayError('upstream_unreachable', { cause: thrown })
    }
    if (message === 'terminated') {
      return new GatewayError('upstream_read_failed', { cause: thrown })
    }
    if (isUnserializable(message))
      return new GatewayError('serialization_failed', { cause: thrown })
  }
  return undefined
}

/** What JSON.stringify says of a cycle, and of a BigInt. */
function isUnserializable(message: string | undefined): boolean {
  return (
    message?.startsWith('Converting circular structure to JSON') === true ||
    message?.startsWith('Do not know how to serialize a BigInt') === true
  )
}

/** A Response of fetch, or a client's error that holds one: its status is never the caller's. */
function fromUpstream(thrown: object, dialect: Dialect): GatewayError | undefined {
  if (thrown instanceof Response) {
    if (isEmpty(thrown)) return new GatewayError('upstream_empty_response', { cause: thrown })
    return fromUpstreamStatus(thrown.status, thrown, dialect)
  }
  const response = read(thrown, 'response')
  const status =
    readErrorStatus(response, 'status') ??
    readErrorStatus(response, 'statusCode') ??
    // The official SDKs put the upstream's Headers object on their errors.
    (typeof read(read(thrown, 'headers'), 'get') === 'function'
      ? readErrorStatus(thrown, 'status')
      : undefined)
  return status === undefined ? undefined : fromUpstreamStatus(status, thrown, dialect)
}

/** A success with nothing in it, as far as that can be told without reading it. */
function isEmpty(response: Response): boolean {
  return response.ok && (response.body === null || response.headers.get('content-length') === '0')
}

function fromAbort(thrown: object): GatewayError | undefined {
  const name = readText(thrown, 'name')
  if (name !== 'AbortError' && name !== 'TimeoutError') return undefined
  // An abort whose reason is one of our own errors: the deadline that aborted it.
  const cause = read(thrown, 'cause')
  if (GatewayError.is(cause)) return cause
  return new GatewayError('upstream_timeout', { cause: thrown })
}

/** The official SDKs' errors without a response: only the names of their classes say what they are. */
const sdkClasses: Readonly<Record<string, Condition>> = {
  APIConnectionError: 'upstream_unreachable',
  APIConnectionTimeoutError: 'upstream_timeout',
  APIUserAbortError: 'upstream_timeout',
}

function fromSdk(thrown: object): GatewayError | undefined {
  const name = readText(read(thrown, 'constructor'), 'name')
  if (name === undefined || !Object.hasOwn(sdkClasses, name)) return undefined
  const condition = sdkClasses[name]
  return condition === undefined ? undefined : new GatewayError(condition, { cause: thrown })
}

function fromStatus(thrown: object): GatewayError | undefined {
  const status = readErrorStatus(thrown, 'status') ?? readErrorStatus(thrown, 'statusCode')
  return status === undefined ? undefined : fromErrorStatus(status, thrown)
}
