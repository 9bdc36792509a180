import { GatewayError } from '@lazu/core'
import type { HandlerInput } from '../harness.js'

/** What no caller may ever read. */
export const secret = 'SECRET postgres://root:hunter2@db sk-lazu-0123456789abcdefghij'

/** Something a handler throws, and the answer to it. */
export interface ThrownThing {
  readonly name: string
  readonly make: (lazu: HandlerInput['lazu']) => unknown
  readonly status: number
  readonly code: string
  readonly param?: string
  /** What the message must be, where it is the thrower's own. */
  readonly message?: string
  /** Headers that must be on the answer. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a handler may throw: the same answers in every framework. */
export const thrownThings: readonly ThrownThing[] = [
  internal('an Error', () => new Error(secret)),
  internal('a TypeError', () => new TypeError(secret)),
  internal('a string', () => secret),
  internal('a number', () => 42),
  internal('null', () => null),
  internal('undefined', () => undefined),
  internal('a symbol', () => Symbol(secret)),
  internal('an object without anything', () => Object.create(null)),
  internal('an object whose getters throw', hostileGetters),
  internal('a Proxy that throws', hostileProxy),
  internal('a revoked Proxy', revokedProxy),
  internal('an error that is its own cause', cyclicCause),
  internal('a function', () => () => secret),
  internal('an error with a status that is none', () => withMembers({ status: 200 })),

  {
    name: 'a GatewayError',
    make: () => new GatewayError('file_not_found', { param: 'file_id', cause: new Error(secret) }),
    status: 404,
    code: 'file_not_found',
    param: 'file_id',
    message: 'The file does not exist.',
  },
  {
    name: 'what lazu.fail() throws',
    make: (lazu) => lazu.fail('model_not_found', { param: 'model', message: 'Take another.' }),
    status: 404,
    code: 'model_not_found',
    param: 'model',
    message: 'Take another.',
  },

  http(400, 'request_invalid', 'invalid_request'),
  http(403, 'access_denied', 'access_denied'),
  http(404, 'route_not_found', 'route_not_found'),
  http(409, 'a conflict', 'invalid_request'),
  http(410, 'gone', 'invalid_request'),
  http(418, 'a teapot', 'invalid_request'),
  http(422, 'value_invalid', 'invalid_request'),
  {
    name: 'an http-error 405 with headers',
    make: () => withMembers({ status: 405, headers: { Allow: 'GET', 'Content-Length': '1' } }),
    status: 405,
    code: 'method_not_allowed',
    headers: { allow: 'GET' },
  },
  {
    name: 'an http-error 429 with its wait',
    make: () => withMembers({ status: 429, headers: { 'retry-after': '7' } }),
    status: 429,
    code: 'request_rate_limit_exceeded',
    headers: { 'retry-after': '7', 'retry-after-ms': '7000' },
  },
  {
    name: 'an http-error 503 that wants to be shown',
    make: () => withMembers({ status: 503, expose: true }),
    status: 503,
    code: 'gateway_overloaded',
    message: 'The gateway is overloaded. Try again later.',
  },

  zod(
    'a missing field',
    { code: 'invalid_type', input: undefined },
    400,
    'missing_required_parameter',
  ),
  zod('a wrong type', { code: 'invalid_type', input: 7 }, 400, 'invalid_request'),
  zod('a value out of bounds', { code: 'too_big', input: 'x' }, 422, 'invalid_request'),

  upstream('a Response 401', () => new Response(secret, { status: 401 }), 502, 'upstream_error'),
  upstream('a Response 500', () => new Response(secret, { status: 500 }), 502, 'upstream_error'),
  upstream('a Response 400', () => new Response(secret, { status: 400 }), 400, 'bad_request_body'),
  upstream('a Response 429', () => new Response(secret, { status: 429 }), 503, 'upstream_error'),
  upstream(
    'a failed fetch',
    () => new TypeError('fetch failed', { cause: withMembers({ code: 'ECONNREFUSED' }) }),
    502,
    'upstream_network_error',
  ),
  upstream('an AbortError', () => new DOMException(secret, 'AbortError'), 504, 'upstream_timeout'),
  upstream(
    'a TimeoutError',
    () => AbortSignal.timeout(0).reason ?? timeoutError(),
    504,
    'upstream_timeout',
  ),
]

function internal(name: string, make: ThrownThing['make']): ThrownThing {
  return { name, make, status: 500, code: 'internal_error', message: 'Internal server error.' }
}

function http(status: number, name: string, code: string): ThrownThing {
  const message = `Shown for ${status}.`
  return {
    name: `an http-error ${status} (${name})`,
    make: () => Object.assign(new Error(message), { status, statusCode: status, expose: true }),
    status,
    code,
    message,
  }
}

function zod(name: string, issue: object, status: number, code: string): ThrownThing {
  const issues = [{ path: ['messages', 0, 'role'], message: 'Wrong', ...issue }]
  return {
    name: `a ZodError of ${name}`,
    make: () => Object.assign(new Error(secret), { name: 'ZodError', issues }),
    status,
    code,
    param: 'messages[0].role',
  }
}

function upstream(
  name: string,
  make: ThrownThing['make'],
  status: number,
  code: string,
): ThrownThing {
  return { name, make, status, code }
}

function timeoutError(): DOMException {
  return new DOMException(secret, 'TimeoutError')
}

function withMembers(members: object): Error {
  return Object.assign(new Error(secret), members)
}

function hostileGetters(): object {
  const hostile = {}
  for (const name of [
    'name',
    'message',
    'status',
    'statusCode',
    'code',
    'cause',
    'stack',
    'type',
  ]) {
    Object.defineProperty(hostile, name, {
      enumerable: true,
      get() {
        throw new Error(secret)
      },
    })
  }
  return hostile
}

function fail(): never {
  throw new Error(secret)
}

function hostileProxy(): object {
  return new Proxy(
    {},
    { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail },
  )
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function cyclicCause(): Error {
  const error = new Error(secret)
  error.cause = error
  return error
}
