import {
  conditions,
  formatEnvelope,
  formatError,
  GatewayError,
  lazuDialect,
  type Condition,
  type ErrorDetails,
  type GatewayErrorOptions,
  type Reply,
} from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

type Row = readonly [
  condition: Condition,
  status: number,
  type: string,
  code: string,
  retry: 'no' | 'yes' | 'after' | 'once' | '5xx',
]

/** What the default dialect promises, condition by condition. */
const table: readonly Row[] = [
  ['api_key_missing', 401, 'authentication_error', 'invalid_api_key', 'no'],
  ['api_key_invalid', 401, 'authentication_error', 'invalid_api_key', 'no'],
  ['api_key_revoked', 401, 'authentication_error', 'invalid_api_key', 'no'],
  ['api_key_disabled', 403, 'permission_error', 'token_disabled', 'no'],
  ['api_key_expired', 401, 'authentication_error', 'token_expired', 'no'],
  ['ip_not_allowed', 403, 'permission_error', 'ip_not_allowed', 'no'],
  ['access_denied', 403, 'permission_error', 'access_denied', 'no'],
  ['model_not_allowed', 404, 'invalid_request_error', 'model_not_found', 'no'],

  ['insufficient_quota', 403, 'insufficient_quota', 'insufficient_quota', 'no'],
  ['key_quota_exceeded', 403, 'insufficient_quota', 'insufficient_quota', 'no'],
  ['quota_conflict', 500, 'server_error', 'pre_consume_token_quota_failed', 'once'],
  ['pricing_not_configured', 400, 'invalid_request_error', 'pricing_not_configured', 'no'],

  ['request_rate_limited', 429, 'rate_limit_exceeded', 'request_rate_limit_exceeded', 'after'],
  ['token_rate_limited', 429, 'rate_limit_exceeded', 'token_rate_limit_exceeded', 'after'],
  ['concurrency_limited', 429, 'rate_limit_exceeded', 'concurrency_limit_exceeded', 'after'],

  ['body_malformed', 400, 'invalid_request_error', 'bad_request_body', 'no'],
  ['body_unreadable', 400, 'invalid_request_error', 'bad_request_body', 'no'],
  ['body_too_large', 413, 'invalid_request_error', 'payload_too_large', 'no'],
  ['media_type_unsupported', 415, 'invalid_request_error', 'bad_request_body', 'no'],
  ['parameter_missing', 400, 'invalid_request_error', 'missing_required_parameter', 'no'],
  ['parameter_invalid', 400, 'invalid_request_error', 'invalid_request', 'no'],
  ['value_invalid', 422, 'invalid_request_error', 'invalid_request', 'no'],
  ['request_invalid', 400, 'invalid_request_error', 'invalid_request', 'no'],
  ['context_length_exceeded', 400, 'invalid_request_error', 'context_length_exceeded', 'no'],
  ['tokenization_failed', 400, 'invalid_request_error', 'tokenization_error', 'no'],
  ['conversion_failed', 500, 'server_error', 'convert_request_failed', 'no'],
  ['api_type_unsupported', 400, 'invalid_request_error', 'invalid_request', 'no'],
  ['model_not_found', 404, 'invalid_request_error', 'model_not_found', 'no'],
  ['route_not_found', 404, 'invalid_request_error', 'route_not_found', 'no'],
  ['method_not_allowed', 405, 'invalid_request_error', 'method_not_allowed', 'no'],
  ['sensitive_words_detected', 400, 'invalid_request_error', 'sensitive_words_detected', 'no'],
  ['prompt_blocked', 400, 'invalid_request_error', 'prompt_blocked', 'no'],

  ['purpose_not_supported', 400, 'invalid_request_error', 'purpose_not_supported', 'no'],
  ['file_not_found', 404, 'invalid_request_error', 'file_not_found', 'no'],
  ['file_expired', 404, 'invalid_request_error', 'file_expired', 'no'],
  ['file_too_large', 413, 'invalid_request_error', 'file_too_large', 'no'],
  ['files_total_too_large', 400, 'invalid_request_error', 'file_too_large', 'no'],
  ['file_dereference_failed', 500, 'server_error', 'file_dereference_failed', 'yes'],

  ['no_channel', 503, 'server_error', 'no_available_channel', 'yes'],
  ['channels_exhausted', 503, 'upstream_error', 'no_available_channel', 'yes'],
  ['channel_key_missing', 503, 'server_error', 'no_available_channel', 'yes'],
  ['channel_key_invalid', 502, 'upstream_error', 'upstream_error', 'no'],
  ['channel_mapping_failed', 500, 'server_error', 'convert_request_failed', 'no'],
  ['channel_timeout', 504, 'upstream_error', 'channel_response_time_exceeded', 'yes'],
  ['upstream_timeout', 504, 'upstream_error', 'upstream_timeout', 'yes'],
  ['upstream_unreachable', 502, 'upstream_error', 'upstream_network_error', 'yes'],
  ['upstream_rejected', 502, 'upstream_error', 'upstream_error', '5xx'],
  ['upstream_bad_response', 502, 'upstream_error', 'upstream_error', 'yes'],
  ['upstream_empty_response', 502, 'upstream_error', 'upstream_error', 'yes'],
  ['upstream_read_failed', 502, 'upstream_error', 'upstream_network_error', 'yes'],
  ['upstream_unavailable', 503, 'upstream_error', 'upstream_error', 'yes'],

  ['request_timeout', 504, 'upstream_error', 'upstream_timeout', 'yes'],
  ['gateway_overloaded', 503, 'server_error', 'gateway_overloaded', 'yes'],
  ['internal_error', 500, 'server_error', 'internal_error', 'yes'],
  ['serialization_failed', 500, 'server_error', 'internal_error', 'yes'],
  ['store_read_failed', 500, 'server_error', 'internal_error', 'yes'],
  ['store_write_failed', 500, 'server_error', 'internal_error', 'yes'],
]

/** Where the official SDKs would try again on account of the status, and must not. */
const notToBeRetried: readonly Condition[] = [
  'conversion_failed',
  'channel_key_invalid',
  'channel_mapping_failed',
]

const requestId = 'req_lazu_01KF0RDQG0WCZ8475S15VH29R2'
const context = { dialect: lazuDialect, requestId }

function format(condition: Condition, options?: GatewayErrorOptions): Reply {
  return formatError(new GatewayError(condition, options), context)
}

interface Envelope {
  readonly error: Record<string, unknown>
}

function errorIn({ body }: Reply): Record<string, unknown> {
  const { error }: Envelope = JSON.parse(body)
  return error
}

describe('the table', () => {
  it('has every condition, each of them once', () => {
    const names = table.map(([condition]) => condition)
    expect(names).toHaveLength(57)
    expect(names.toSorted()).toEqual(Object.keys(conditions).toSorted())
  })

  it.each(table)('%s is %i %s %s', (condition, status, type, code) => {
    const reply = format(condition)
    expect(reply.status).toBe(status)
    expect(Object.keys(JSON.parse(reply.body))).toEqual(['error'])
    expect(errorIn(reply)).toEqual({
      message: expect.stringMatching(/^[A-Z].*\.$/),
      type,
      code,
      param: null,
      request_id: requestId,
    })
    expect(new GatewayError(condition).status).toBe(status)
  })

  it.each(table)('%s (%i %s %s) asks for a retry: %s', (condition, status, _type, _code, retry) => {
    const { headers } = format(condition)
    expect(headers['x-should-retry']).toBe(notToBeRetried.includes(condition) ? 'false' : undefined)
    expect(headers['retry-after']).toBe(retry === 'after' ? '1' : undefined)
    expect(headers['retry-after-ms']).toBe(retry === 'after' ? '1000' : undefined)
    // With no such header the official SDKs try again at 408, 409, 429 and from 500 on.
    const retriedByStatus = status === 429 || status >= 500
    const retried = headers['x-should-retry'] === undefined && retriedByStatus
    expect(retried).toBe(retry !== 'no')
  })

  it.each(table)(
    '%s (%i) says how to authenticate exactly where that is asked',
    (condition, status) => {
      const expected = condition === 'api_key_missing' ? 'Bearer' : 'Bearer error="invalid_token"'
      expect(format(condition).headers['www-authenticate']).toBe(
        status === 401 ? expected : undefined,
      )
    },
  )
})

describe('headers', () => {
  it('describe the body by its bytes', () => {
    const reply = format('access_denied', { message: 'Verboten für 你好 🙂.' })
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(new TextEncoder().encode(reply.body).length),
    })
  })

  it.each([
    [0, '1', '1'],
    [0.2, '1', '1'],
    [1, '1', '1'],
    [999.5, '1', '1000'],
    [1_000, '1', '1000'],
    [1_000.1, '2', '1001'],
    [59_999, '60', '59999'],
    [1e12, '86400', '86400000'],
    [Infinity, '86400', '86400000'],
    [-5, '1', '1000'],
    [NaN, '1', '1000'],
  ])('a wait of %d ms is announced as %s s and %s ms', (retryAfterMs, seconds, ms) => {
    const { headers } = format('request_rate_limited', { retryAfterMs })
    expect(headers).toMatchObject({ 'retry-after': seconds, 'retry-after-ms': ms })
  })

  it('announce a wait wherever the error has one', () => {
    const { headers } = format('gateway_overloaded', { retryAfterMs: 2_000 })
    expect(headers).toMatchObject({ 'retry-after': '2', 'retry-after-ms': '2000' })
  })

  it.each([
    [404, 'false'],
    [409, 'false'],
    [408, undefined],
    [429, undefined],
    [500, undefined],
    [503, undefined],
  ])("go by the upstream's own status when it rejected: %i", (statusCode, expected) => {
    const { status, headers } = format('upstream_rejected', {
      details: { status_code: statusCode },
    })
    expect([status, headers['x-should-retry']]).toEqual([502, expected])
  })

  it('of a status of its own forbid a retry that the status alone would cause', () => {
    const { status, headers } = format('request_invalid', { status: 409 })
    expect([status, headers['x-should-retry']]).toEqual([409, 'false'])
  })

  it('of the error go along, but for those that are ours', () => {
    const { body, headers } = format('method_not_allowed', {
      headers: { allow: 'GET', 'content-type': 'text/html', 'content-length': '1' },
    })
    expect(headers).toMatchObject({
      allow: 'GET',
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
    })
  })

  it('of the error may ask for another way to authenticate', () => {
    const { headers } = format('api_key_invalid', { headers: { 'www-authenticate': 'Basic' } })
    expect(headers['www-authenticate']).toBe('Basic')
  })

  it.each([
    ['x-broken', 'a\r\nset-cookie: b=c'],
    ['x broken', 'a'],
    ['x-broken', 'ü€'],
  ])('that Node would throw at are left out: %j', (name, value) => {
    const reply = format('access_denied', { headers: { [name]: value, 'x-good': 'yes' } })
    expect(reply.status).toBe(403)
    expect(reply.headers['x-good']).toBe('yes')
    expect(reply.headers[name]).toBe(undefined)
  })
})

describe('the message', () => {
  it("is the error's own where it has one", () => {
    const details = { rule: 'rpm', limit: 60 }
    const reply = format('request_rate_limited', { message: 'Slow down.', details })
    expect(errorIn(reply)['message']).toBe('Slow down.')
  })

  it.each<[Condition, string]>([
    ['request_rate_limited', 'Request rate limit exceeded (60/min)'],
    ['token_rate_limited', 'Token rate limit exceeded (60/min)'],
    ['concurrency_limited', 'Concurrency limit exceeded (60 at once)'],
  ])('of %s has its limit', (condition, message) => {
    const reply = format(condition, { details: { rule: 'any', limit: 60 } })
    expect(errorIn(reply)['message']).toBe(message)
  })

  it("is the condition's where the details for the dialect's words are not there", () => {
    expect(errorIn(format('request_rate_limited'))['message']).toBe('Request rate limit exceeded.')
    const reply = format('request_rate_limited', { details: { rule: 'rpm' } })
    expect(errorIn(reply)['message']).toBe('Request rate limit exceeded.')
  })

  it('is never that of a cause', () => {
    const cause = new Error('SECRET')
    for (const [condition] of table) {
      const { body, headers } = format(condition, { cause })
      expect(body + JSON.stringify(headers)).not.toContain('SECRET')
    }
  })

  it('is cut at 1,000 characters, and param at 200', () => {
    const message = 'm'.repeat(5_000)
    const error = errorIn(format('value_invalid', { message, param: 'p'.repeat(5_000) }))
    expect(error['message']).toBe(`${'m'.repeat(999)}…`)
    expect(error['param']).toBe(`${'p'.repeat(199)}…`)
    const whole = { message: 'm'.repeat(1_000), param: 'p'.repeat(200) }
    expect(errorIn(format('value_invalid', whole))).toMatchObject(whole)
  })
})

describe('the envelope', () => {
  it('has details when there are any, as its last member', () => {
    const details = { status_code: 429, rule: 'rpm', final: true }
    const reply = format('upstream_rejected', { details })
    expect(Object.keys(errorIn(reply))).toEqual([
      'message',
      'type',
      'code',
      'param',
      'request_id',
      'details',
    ])
    expect(errorIn(reply)['details']).toEqual(details)
  })

  it('is the whole body', () => {
    const error = new GatewayError('model_not_found', { param: 'model' })
    expect(formatEnvelope(error, context)).toBe(formatError(error, context).body)
  })

  it('is JSON whatever the texts are', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...table.map(([condition]) => condition)),
        fc.string({ unit: 'binary', maxLength: 1_500 }),
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.double(),
        (condition, message, param, retryAfterMs) => {
          const reply = format(condition, { message, param, retryAfterMs })
          const error = errorIn(reply)
          expect(error['request_id']).toBe(requestId)
          expect(String(error['message']).length).toBeLessThanOrEqual(1_000)
          expect(String(error['param']).length).toBeLessThanOrEqual(200)
          expect(reply.headers['content-length']).toBe(String(Buffer.byteLength(reply.body)))
          const { 'retry-after': wait = 'none', 'retry-after-ms': waitMs } = reply.headers
          expect(wait).toMatch(reply.status === 429 ? /^[1-9]\d{0,4}$/ : /^(none|[1-9]\d{0,4})$/)
          const roundedUp =
            waitMs === undefined ? 'none' : String(Math.ceil(Number(waitMs) / 1_000))
          expect(roundedUp).toBe(wait)
        },
      ),
    )
  })

  it.each<[string, object]>([
    ['a getter that throws', throwing()],
    ['a BigInt', { big: 1n }],
    ['a cycle', cyclic()],
  ])('is a static one when it cannot be made: %s', (_, details) => {
    const error = new GatewayError('access_denied', { details: asDetails(details) })
    const reply = formatError(error, context)
    expect(reply.status).toBe(500)
    expect(errorIn(reply)).toEqual({
      message: 'Internal server error.',
      type: 'server_error',
      code: 'internal_error',
      param: null,
      request_id: requestId,
    })
    expect(reply.headers).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(reply.body.length),
    })
  })
})

/** What a caller without types could pass. */
function asDetails(value: object): ErrorDetails {
  const details: ErrorDetails = {}
  return Object.defineProperties(details, Object.getOwnPropertyDescriptors(value))
}

function throwing(): object {
  return {
    get rule(): string {
      throw new Error('SECRET')
    },
  }
}

function cyclic(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}
