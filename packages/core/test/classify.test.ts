import { classify, type Condition, dialects, GatewayError } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'

interface Expected {
  readonly condition: Condition
  readonly status: number
  readonly param?: string | undefined
  readonly message?: string
}

/** What `classify` makes of a thing, without what every error has. */
function classified(thrown: unknown): Expected {
  const error = classify(thrown)
  const { condition, status, param, message } = error
  expect(GatewayError.is(error)).toBe(true)
  return { condition, status, param, message }
}

function withMembers(members: object, message = 'SECRET'): Error {
  return Object.assign(new Error(message), members)
}

describe('a GatewayError', () => {
  it('is itself', () => {
    const error = new GatewayError('file_expired')
    expect(classify(error)).toBe(error)
  })

  it('of another copy of the package is one, too', async () => {
    vi.resetModules()
    const copy = await import('@lazu/core')
    expect(copy.GatewayError).not.toBe(GatewayError)
    const error = new copy.GatewayError('file_expired', { param: 'id' })
    expect(error).not.toBeInstanceOf(GatewayError)
    expect(classify(error)).toBe(error)
  })

  it('that aborted something is the answer to the abort', () => {
    const deadline = new GatewayError('request_timeout')
    const abort = new Error('aborted', { cause: deadline })
    abort.name = 'AbortError'
    expect(classify(abort)).toBe(deadline)
  })
})

describe("a body parser's error", () => {
  it.each<[string, number, Condition, number]>([
    ['entity.parse.failed', 400, 'body_malformed', 400],
    ['entity.too.large', 413, 'body_too_large', 413],
    ['parameters.too.many', 413, 'body_too_large', 413],
    ['charset.unsupported', 415, 'body_unreadable', 400],
    ['encoding.unsupported', 415, 'body_unreadable', 400],
    ['request.aborted', 400, 'body_unreadable', 400],
    ['request.size.invalid', 400, 'body_unreadable', 400],
    ['entity.verify.failed', 403, 'access_denied', 403],
  ])('of the type %s', (type, thrownStatus, condition, status) => {
    const thrown = withMembers({ type, status: thrownStatus, expose: true, body: 'SECRET' })
    const { message, ...rest } = classified(thrown)
    expect(rest).toEqual({ condition, status, param: undefined })
    expect(message).not.toContain('SECRET')
  })

  it.each<[string, number, Condition]>([
    ['FST_ERR_CTP_INVALID_JSON_BODY', 400, 'body_malformed'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'body_malformed'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'body_too_large'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'media_type_unsupported'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400, 'body_unreadable'],
    ['FST_ERR_BAD_URL', 400, 'request_invalid'],
    ['FST_ERR_HANDLER_TIMEOUT', 503, 'request_timeout'],
  ])('of the code %s', (code, statusCode, condition) => {
    expect(classified(withMembers({ code, statusCode })).condition).toBe(condition)
  })

  it('is a SyntaxError with a status; one without is a bug', () => {
    const malformed = Object.assign(new SyntaxError('SECRET'), { status: 400, body: 'SECRET' })
    expect(classified(malformed)).toMatchObject({ condition: 'body_malformed', status: 400 })
    expect(classified(new SyntaxError('SECRET')).condition).toBe('internal_error')
  })

  it('is not what only has such a type', () => {
    expect(classified({ type: 'entity.too.large' }).condition).toBe('internal_error')
    expect(classified({ type: 'toString', status: 400 }).condition).toBe('request_invalid')
    expect(classified({ code: 'constructor' }).condition).toBe('internal_error')
  })
})

describe('an error with a status', () => {
  it.each<[number, Condition]>([
    [400, 'request_invalid'],
    [401, 'api_key_invalid'],
    [402, 'insufficient_quota'],
    [403, 'access_denied'],
    [404, 'route_not_found'],
    [405, 'method_not_allowed'],
    [406, 'request_invalid'],
    [408, 'body_unreadable'],
    [409, 'request_invalid'],
    [410, 'request_invalid'],
    [413, 'body_too_large'],
    [415, 'media_type_unsupported'],
    [418, 'request_invalid'],
    [422, 'value_invalid'],
    [429, 'request_rate_limited'],
    [451, 'request_invalid'],
    [500, 'internal_error'],
    [501, 'internal_error'],
    [502, 'upstream_bad_response'],
    [503, 'gateway_overloaded'],
    [504, 'upstream_timeout'],
    [599, 'internal_error'],
  ])('%i', (status, condition) => {
    for (const name of ['status', 'statusCode']) {
      expect(classified(withMembers({ [name]: status })).condition).toBe(condition)
    }
  })

  it.each([406, 409, 410, 418, 431, 451])('of 4xx that no condition has keeps it: %i', (status) => {
    expect(classified(withMembers({ status })).status).toBe(status)
  })

  it.each([0, 200, 302, 399, 600, 404.5, NaN, '404', null])('is none with %j', (status) => {
    expect(classified(withMembers({ status })).condition).toBe('internal_error')
  })

  it.each([
    [404, true, 'Shown.'],
    [404, false, 'There is nothing at this path.'],
    [404, 'yes', 'There is nothing at this path.'],
    [500, true, 'Internal server error.'],
    [503, true, 'The gateway is overloaded. Try again later.'],
  ])('%i with expose %j says %j', (status, expose, message) => {
    expect(classified(withMembers({ status, expose }, 'Shown.')).message).toBe(message)
  })

  it('keeps its headers, but for those of a body and of the connection', () => {
    const headers = {
      Allow: 'GET',
      'X-Number': 7,
      'Content-Type': 'text/html',
      'content-length': '9',
      Connection: 'close',
      'Transfer-Encoding': 'chunked',
      'X-Object': {},
    }
    const { headers: kept } = classify(withMembers({ status: 405, headers }))
    expect(kept).toEqual({ allow: 'GET', 'x-number': '7' })
  })

  it.each([
    ['7', 7_000],
    [7, 7_000],
    ['0', 0],
    ['-1', undefined],
    ['Fri, 31 Dec 1999 23:59:59 GMT', undefined],
    ['', 0],
  ])('waits as its Retry-After says: %j', (value, expected) => {
    const error = classify(withMembers({ status: 429, headers: { 'retry-after': value } }))
    expect(error.retryAfterMs).toBe(expected)
  })
})

describe("an upstream's answer", () => {
  const rows: readonly [number, Condition, number][] = [
    [301, 'upstream_bad_response', 502],
    [400, 'body_malformed', 400],
    [401, 'channel_key_invalid', 502],
    [402, 'upstream_rejected', 502],
    [403, 'channel_key_invalid', 502],
    [404, 'upstream_rejected', 502],
    [408, 'upstream_rejected', 502],
    [409, 'upstream_rejected', 502],
    [413, 'upstream_rejected', 502],
    [418, 'upstream_rejected', 502],
    [422, 'body_malformed', 400],
    [429, 'upstream_unavailable', 503],
    [500, 'upstream_rejected', 502],
    [502, 'upstream_rejected', 502],
    [503, 'upstream_unavailable', 503],
    [504, 'upstream_rejected', 502],
    [529, 'upstream_unavailable', 503],
  ]

  it.each(rows)('a Response %i', (upstreamStatus, condition, status) => {
    const error = classify(new Response('SECRET', { status: upstreamStatus }))
    expect(error).toMatchObject({ condition, status })
    expect(error.message).not.toContain('SECRET')
    const details = upstreamStatus < 400 ? undefined : { status_code: upstreamStatus }
    expect(error.details).toEqual(details)
  })

  it.each([
    ['lazu', 'body_malformed'],
    ['tokendog', 'upstream_rejected'],
    ['lemondata', 'upstream_rejected'],
    ['chuizi', 'upstream_rejected'],
    ['foza', 'upstream_rejected'],
  ] as const)('a Response 400 or 422 in %s: %s', (dialect, condition) => {
    for (const status of [400, 422]) {
      const error = classify(new Response(null, { status }), dialects[dialect])
      expect(error).toMatchObject({ condition, details: { status_code: status } })
    }
  })

  it('a Response that succeeded: empty, or not what it should be', () => {
    const empty = [
      new Response(null, { status: 200 }),
      new Response(null, { status: 204 }),
      new Response('', { headers: { 'content-length': '0' } }),
    ]
    for (const response of empty) {
      expect(classify(response)).toMatchObject({
        condition: 'upstream_empty_response',
        status: 502,
      })
    }
    expect(classify(new Response('<html>')).condition).toBe('upstream_bad_response')
  })

  it('a Response that is an error of the network', () => {
    expect(classified(Response.error()).condition).toBe('upstream_bad_response')
  })

  const clients: readonly [string, (status: number) => Error][] = [
    [
      'the official SDKs',
      (status) =>
        withMembers({
          status,
          headers: new Headers({ 'x-request-id': 'req_theirs', 'www-authenticate': 'Bearer' }),
          error: { message: 'SECRET' },
          code: 'invalid_api_key',
          type: 'invalid_request_error',
          param: 'theirs',
        }),
    ],
    ['axios', (status) => withMembers({ code: 'ERR_BAD_REQUEST', response: { status } })],
    ['got', (status) => withMembers({ response: { statusCode: status } })],
  ]

  it.each(clients)("an error of %s never passes for the caller's", (_, make) => {
    for (const [upstreamStatus, condition, status] of rows) {
      if (upstreamStatus < 400) continue
      const error = classify(make(upstreamStatus))
      expect(error).toMatchObject({ condition, status, param: undefined, headers: undefined })
      expect(error.message).not.toContain('SECRET')
      expect(error.details).toEqual({ status_code: upstreamStatus })
    }
  })
})
