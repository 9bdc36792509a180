import type { Condition, DialectName, Protocol } from '@lazu/core'
import { isRetriedByStatus } from './http.js'
import { table } from './table.js'

/** What a gateway's errors look like, whatever went wrong. */
interface Manner {
  /** The header its ids stand in, and what they look like. */
  readonly idHeader: string
  readonly idForm: RegExp
  /** The members of `error` in the OpenAI envelope, in their order. */
  readonly members: readonly string[]
  /** Whether routes of other families are answered in their own protocol. */
  readonly isNative: boolean
  readonly hasHints: boolean
}

export const manners: Readonly<Record<DialectName, Manner>> = {
  lazu: {
    idHeader: 'x-lazu-request-id',
    idForm: /^req_lazu_[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    members: ['message', 'type', 'code', 'param', 'request_id'],
    isNative: false,
    hasHints: false,
  },
  tokendog: {
    idHeader: 'x-oneapi-request-id',
    idForm: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    members: ['message', 'type', 'code', 'param'],
    isNative: false,
    hasHints: false,
  },
  lemondata: {
    idHeader: 'x-request-id',
    idForm: /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    members: ['message', 'type', 'code', 'param'],
    isNative: true,
    hasHints: true,
  },
  chuizi: {
    idHeader: 'x-chuizi-generation-id',
    idForm: /^gen-[a-z0-9]{24}$/,
    members: ['message', 'type', 'code'],
    isNative: true,
    hasHints: false,
  },
  foza: {
    idHeader: 'x-request-id',
    idForm: /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    members: ['message', 'type', 'code'],
    isNative: false,
    hasHints: false,
  },
}

/** Anthropic's type by status: its own list, and what stands in for the statuses it lacks. */
const anthropicTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  413: 'request_too_large',
  415: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'api_error',
  502: 'api_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}

/** The names of google.rpc.Code by status. */
const geminiStatuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Where nobody but the operator can do anything, or nobody knows what: no next step. */
const withoutNextStep: ReadonlySet<Condition> = new Set([
  'conversion_failed',
  'channel_key_invalid',
  'channel_mapping_failed',
  'upstream_rejected',
])

/** Messages that are part of what the gateway promises, for errors of which nothing is known. */
const promised: Partial<Record<DialectName, Partial<Record<Condition, string>>>> = {
  lemondata: {
    request_rate_limited: 'Rate limit exceeded. Please retry later.',
    token_rate_limited: 'Rate limit exceeded. Please retry later.',
    concurrency_limited: 'Rate limit exceeded. Please retry later.',
  },
  chuizi: {
    api_key_missing: 'Invalid API key',
    api_key_invalid: 'Invalid API key',
    api_key_revoked: 'Invalid API key',
    api_key_disabled: 'Invalid API key',
    api_key_expired: 'Invalid API key',
  },
}

/** What the server knows of an error, and what came back of it that is not promised. */
export interface Known {
  readonly dialect: DialectName
  readonly protocol: Protocol
  readonly condition: Condition
  readonly param?: string | undefined
  readonly details?: Readonly<Record<string, string | number>> | undefined
  readonly retryAfterMs?: number | undefined
  /** The message that came; put into the expectation where any will do. */
  readonly message: unknown
  /** The hint that came, likewise. */
  readonly hint: unknown
  /** The id in the dialect's own header. */
  readonly requestId: string
}

/** An answer, as far as it is promised. */
export interface Promised {
  readonly status: number
  readonly headers: Readonly<Record<string, string | null>>
  /** Text where the order of the members is promised as well, which is the OpenAI envelope. */
  readonly body: string | object
}

/** The headers an answer to an error is held to. */
export const comparedHeaders: readonly string[] = [
  'content-type',
  'www-authenticate',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-request-id',
  'request-id',
]

/** What must come back. */
export function expectedAnswer(known: Known): Promised {
  const { dialect, condition, requestId } = known
  const [status, , , retry] = table[dialect][condition]
  const waitMs = waitOf(known)
  const mayRetry = mayRetryOf(known)
  const body = bodies[known.protocol](known)
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'www-authenticate':
        status !== 401
          ? null
          : condition === 'api_key_missing'
            ? 'Bearer'
            : 'Bearer error="invalid_token"',
      'retry-after': retry === 'after' ? String(Math.ceil((waitMs ?? 0) / 1000)) : null,
      'retry-after-ms': retry === 'after' ? String(waitMs) : null,
      'x-should-retry': mayRetry === isRetriedByStatus(status) ? null : String(mayRetry),
      'x-request-id': requestId,
      'request-id': requestId,
    },
    body: known.protocol === 'openai' ? JSON.stringify(body) : body,
  }
}

/** Where nobody said how long to wait, it is a second. */
function waitOf({ dialect, condition, retryAfterMs }: Known): number | undefined {
  return table[dialect][condition][3] === 'after' ? (retryAfterMs ?? 1000) : undefined
}

function mayRetryOf({ dialect, condition, details }: Known): boolean {
  const [, , , retry] = table[dialect][condition]
  if (retry !== '5xx') return retry !== 'no'
  const upstream = details?.['status_code']
  if (typeof upstream !== 'number') return true
  return upstream === 408 || upstream === 429 || upstream >= 500
}

const bodies: Readonly<Record<Protocol, (known: Known) => object>> = {
  openai(known) {
    const { dialect, condition, param, details, requestId } = known
    const [, type, code] = table[dialect][condition]
    const all: Record<string, unknown> = {
      message: messageOf(known),
      type,
      code,
      param: param ?? null,
      request_id: requestId,
    }
    const error: Record<string, unknown> = {}
    for (const member of manners[dialect].members) error[member] = all[member]
    if (details !== undefined) error['details'] = details
    return { error: { ...error, ...hintsOf(known) } }
  },
  anthropic(known) {
    const { dialect, condition, param, details, requestId } = known
    const [status, , code] = table[dialect][condition]
    const isLemons = dialect === 'lemondata' && condition === 'insufficient_quota'
    return {
      type: 'error',
      error: {
        type: isLemons ? 'insufficient_balance_error' : anthropicTypes[status],
        message: messageOf(known),
        details: { error_code: code, ...(param !== undefined && { param }), ...details },
        ...hintsOf(known),
      },
      request_id: requestId,
    }
  },
  gemini(known) {
    const { dialect, condition, param, details, requestId } = known
    const [status, , code] = table[dialect][condition]
    const waitMs = waitOf(known)
    const rpc = 'type.googleapis.com/google.rpc.'
    const metadata = Object.fromEntries(
      Object.entries(details ?? {}).map(([name, value]) => [name, String(value)]),
    )
    const list: object[] = [
      { '@type': `${rpc}ErrorInfo`, reason: code.toUpperCase(), domain: dialect, metadata },
      { '@type': `${rpc}RequestInfo`, requestId },
    ]
    if (waitMs !== undefined) {
      list.push({ '@type': `${rpc}RetryInfo`, retryDelay: `${Math.ceil(waitMs / 1000)}s` })
    }
    if (param !== undefined) {
      const fieldViolations = [{ field: param, description: messageOf(known) }]
      list.push({ '@type': `${rpc}BadRequest`, fieldViolations })
    }
    return {
      error: {
        code: status,
        message: messageOf(known),
        status: geminiStatuses[status],
        details: list,
        ...hintsOf(known),
      },
    }
  },
}

function messageOf({ dialect, condition, message, ...known }: Known): string {
  const isLimit = table[dialect][condition][3] === 'after'
  if (dialect === 'chuizi' && isLimit) {
    const seconds = Math.ceil((known.retryAfterMs ?? 1000) / 1000)
    return `Rate limit exceeded. Retry after ${seconds} seconds.`
  }
  const text = promised[dialect]?.[condition]
  if (text !== undefined) return text
  const isText = typeof message === 'string' && /^[A-Z][^{}]{8,199}[.\w]$/.test(message)
  return isText ? message : '(a sentence for people)'
}

function hintsOf(known: Known): object {
  const { dialect, condition, hint } = known
  if (!manners[dialect].hasHints) return {}
  const waitMs = waitOf(known)
  const isText = typeof hint === 'string' && /^[A-Z][^{}]{8,199}\.$/.test(hint)
  return {
    ...(!withoutNextStep.has(condition) && { hint: isText ? hint : '(a sentence for people)' }),
    retryable: mayRetryOf(known),
    ...(waitMs !== undefined && { retry_after: Math.ceil(waitMs / 1000) }),
  }
}
