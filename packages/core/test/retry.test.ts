import {
  conditions,
  GatewayError,
  isCondition,
  retryDelay,
  type Condition,
  type GatewayErrorOptions,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const half = { random: () => 0.5 }

/** An answer of an HTTP server, as fetch gives it. */
function answer(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers })
}

/** The shape the errors of the openai and Anthropic SDKs share. */
class SdkError extends Error {
  constructor(
    readonly status: number | undefined,
    readonly headers: Headers | undefined,
    readonly error: unknown,
    message = 'no message',
    cause?: unknown,
  ) {
    super(message, { cause })
  }
}

function sdkError(status: number, error?: unknown, headers: Record<string, string> = {}): SdkError {
  return new SdkError(status, new Headers(headers), error)
}

function thrower(): never {
  throw new Error('no')
}

/** An error as `code` and `cause` make it. */
function coded(message: string, code: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code })
}

function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}

describe('the wait', () => {
  it('is a random part of a second, then of two', () => {
    expect(retryDelay(answer(503), 1, { random: () => 0 })).toBe(0)
    expect(retryDelay(answer(503), 1, { random: () => 0.9999 })).toBe(999)
    expect(retryDelay(answer(503), 2, { random: () => 0.9999 })).toBe(1999)
  })

  it('does not need a random number of ours', () => {
    const delayMs = retryDelay(answer(503), 1)
    expect(delayMs).toBeGreaterThanOrEqual(0)
    expect(delayMs).toBeLessThan(1000)
  })

  it('is undefined after the third try, and for what is no number of a try', () => {
    expect(retryDelay(answer(503), 3, half)).toBeUndefined()
    expect(retryDelay(answer(503), 4, half)).toBeUndefined()
    expect(retryDelay(answer(503), 0, half)).toBeUndefined()
    expect(retryDelay(answer(503), Number.NaN, half)).toBeUndefined()
  })

  it.each<[string, Record<string, string>, number | undefined]>([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['no time at all', { 'retry-after': '0' }, 0],
    ['milliseconds before seconds', { 'retry-after-ms': '1500', 'retry-after': '2' }, 1500],
    ['parts of a millisecond, rounded up', { 'retry-after-ms': '1500.2' }, 1501],
    [
      'seconds when the milliseconds are no number',
      { 'retry-after-ms': 'x', 'retry-after': '2' },
      2000,
    ],
    ['a date', { 'retry-after': 'Thu, 15 Jan 2026 12:00:09 GMT' }, 9000],
    ['a date that has passed', { 'retry-after': 'Thu, 15 Jan 2026 11:59:00 GMT' }, 0],
    ['a minute', { 'retry-after': '60' }, 60_000],
    ['longer than a minute: not again', { 'retry-after': '61' }, undefined],
    ['an hour, in milliseconds: not again', { 'retry-after-ms': '3600000' }, undefined],
    ['a date in an hour: not again', { 'retry-after': 'Thu, 15 Jan 2026 13:00:00 GMT' }, undefined],
    ['a number of 400 digits, which is none', { 'retry-after': '9'.repeat(400) }, 500],
    ['less than nothing, which is none', { 'retry-after': '-5' }, 500],
    ['words', { 'retry-after': 'try 5' }, 500],
    ['no day of the calendar', { 'retry-after': 'Thu, 99 Foo 2026 12:00:09 GMT' }, 500],
    ['nothing', { 'retry-after': '' }, 500],
  ])('asked for as %s', (_name, headers, delayMs) => {
    const clock = new FakeClock(Date.UTC(2026, 0, 15, 12))
    expect(retryDelay(answer(429, headers), 1, { ...half, clock })).toBe(delayMs)
  })

  it('goes by the machine’s time where no clock is given', () => {
    const date = new Date(Date.now() + 30_000).toUTCString()
    const delayMs = retryDelay(answer(429, { 'retry-after': date }), 1)
    expect(delayMs).toBeGreaterThan(20_000)
    expect(delayMs).toBeLessThanOrEqual(30_000)
  })

  it('stands in the headers wherever a client keeps them', () => {
    const headers = { 'Retry-After': '3' }
    for (const error of [
      sdkError(503, undefined, headers),
      { status: 503, headers },
      { statusCode: 503, headers: { 'retry-after': 3 } },
      { statusCode: 503, headers: { 'retry-after': ' 3 ' } },
      { statusCode: 503, headers: { 'retry-after': ['3', '9'] } },
      { response: { status: 503, headers: new Map([['retry-after', '3']]) } },
      { response: { statusCode: 503, headers } },
      { response: answer(503, headers) },
      { statusCode: 503, responseHeaders: headers },
    ]) {
      expect(retryDelay(error, 1, half)).toBe(3000)
    }
  })

  it('stands in the body where there are no headers', () => {
    const gemini = {
      error: { code: 429, details: [{ reason: 'X' }, { '@type': 'x', retryDelay: '1.5s' }] },
    }
    const error = Object.assign(new Error(JSON.stringify(gemini)), { status: 429 })
    expect(retryDelay(error, 1, half)).toBe(1500)
    expect(retryDelay(sdkError(429, { retry_after: 4 }), 1, half)).toBe(4000)
    expect(retryDelay(sdkError(429, { retry_after: 4 }, { 'retry-after': '2' }), 1, half)).toBe(
      2000,
    )
    expect(retryDelay(sdkError(429, { retry_after: -4 }), 1, half)).toBe(500)
    expect(retryDelay(sdkError(429, { details: [{ retryDelay: 'soon' }] }), 1, half)).toBe(500)
  })
})

describe('an answer', () => {
  it.each([408, 409, 429, 500, 502, 503, 504, 529])('%i is tried again', (status) => {
    expect(retryDelay(answer(status), 1, half)).toBe(500)
    expect(retryDelay(sdkError(status), 2, half)).toBe(1000)
  })

  it.each([200, 302, 400, 401, 402, 403, 404, 405, 413, 415, 422])('%i is not', (status) => {
    expect(retryDelay(answer(status), 1, half)).toBeUndefined()
    expect(retryDelay(sdkError(status), 1, half)).toBeUndefined()
  })

  it('says better than its status whether to try again', () => {
    expect(retryDelay(answer(503, { 'x-should-retry': 'false' }), 1, half)).toBeUndefined()
    expect(retryDelay(answer(400, { 'x-should-retry': 'true' }), 1, half)).toBe(500)
    expect(retryDelay(answer(400, { 'x-should-retry': 'perhaps' }), 1, half)).toBeUndefined()
    expect(retryDelay(answer(503, { 'x-should-retry': 'perhaps' }), 1, half)).toBe(500)
  })

  it.each<[string, unknown, number | undefined]>([
    ['a hint that says no', { retryable: false }, undefined],
    ['a hint that says yes', { retryable: true }, 500],
    ['an upstream that answered 404', { details: { status_code: 404 } }, undefined],
    ['an upstream that answered 429', { details: { status_code: 429 } }, 500],
    ['an upstream that answered 500', { details: { status_code: 500 } }, 500],
    ['a request that cannot be translated', { code: 'convert_request_failed' }, undefined],
    ['a channel with a bad key', { code: 'channel:invalid_key' }, undefined],
    ['a channel with a bad mapping', { code: 'channel:model_mapped_error' }, undefined],
    ['an empty balance', { code: 'insufficient_quota' }, undefined],
    ['the name of an object’s own method', { code: 'constructor' }, 500],
    ['a code of a megabyte', { code: 'x'.repeat(1e6) }, 500],
    ['a code that is none', { code: 503 }, 500],
    ['nothing', undefined, 500],
    ['a page of HTML', '<html>', 500],
    ['half of a JSON text', '{"error":', 500],
  ])('whose body has %s', (_name, body, delayMs) => {
    for (const error of [
      sdkError(500, body),
      { response: { status: 500, data: body === undefined ? body : { error: body } } },
      { response: { statusCode: 500, body: JSON.stringify({ error: body }) } },
      { statusCode: 500, responseBody: JSON.stringify({ error: body }) },
      Object.assign(new Error(JSON.stringify({ error: body })), { status: 500 }),
    ]) {
      expect(retryDelay(error, 1, half)).toBe(delayMs)
    }
  })

  it('is not looked for in a text of megabytes', () => {
    const error = { retryable: false, padding: 'x'.repeat(1e6) }
    expect(retryDelay(sdkError(500, JSON.stringify({ error })), 1, half)).toBe(500)
  })

  it.each<[string, unknown]>([
    ['OpenAI’s', { code: 'pre_consume_token_quota_failed' }],
    [
      'Anthropic’s',
      { type: 'error', error: { details: { error_code: 'pre_consume_token_quota_failed' } } },
    ],
    ['Gemini’s', { error: { code: 500, details: [{ reason: 'PRE_CONSUME_TOKEN_QUOTA_FAILED' }] } }],
  ])('that lost a race for the quota, in %s form, is tried again once', (_name, body) => {
    expect(retryDelay(sdkError(500, body), 1, half)).toBe(500)
    expect(retryDelay(sdkError(500, body), 2, half)).toBeUndefined()
  })

  it('with the code of a lost race and a 403 may be a spent cap, unless it says otherwise', () => {
    const body = { code: 'pre_consume_token_quota_failed' }
    const lostRace = sdkError(403, body, { 'x-should-retry': 'true' })
    expect(retryDelay(sdkError(403, body), 1, half)).toBeUndefined()
    expect(retryDelay(lostRace, 1, half)).toBe(500)
    expect(retryDelay(lostRace, 2, half)).toBeUndefined()
  })
})

describe('what came back without an answer', () => {
  it.each<[string, unknown]>([
    [
      'a refused connection of fetch',
      new TypeError('fetch failed', { cause: coded('no', 'ECONNREFUSED') }),
    ],
    ['a reset', coded('read ECONNRESET', 'ECONNRESET')],
    ['a timeout of undici', coded('Headers Timeout Error', 'UND_ERR_HEADERS_TIMEOUT')],
    [
      'a body that broke off',
      new TypeError('terminated', { cause: coded('closed', 'UND_ERR_SOCKET') }),
    ],
    ['a time limit of the try', new DOMException('too late', 'TimeoutError')],
    [
      'a connection error of an SDK',
      new SdkError(undefined, undefined, undefined, 'Connection error.'),
    ],
    ['a timeout of an SDK', new SdkError(undefined, undefined, undefined, 'Request timed out.')],
  ])('is tried again: %s', (_name, error) => {
    expect(retryDelay(error, 1, half)).toBe(500)
    expect(retryDelay(error, 2, half)).toBe(1000)
    expect(retryDelay(error, 3, half)).toBeUndefined()
  })

  it.each<[string, unknown]>([
    ['an abort', AbortSignal.abort().reason],
    [
      'an abort that a deadline of the gateway caused',
      Object.assign(named('AbortError'), { cause: new GatewayError('request_timeout') }),
    ],
    ['an abort of undici', coded('aborted', 'UND_ERR_ABORTED')],
    ['an abort of node', coded('aborted', 'ABORT_ERR')],
    ['an abort of axios', Object.assign(named('CanceledError'), { code: 'ERR_CANCELED' })],
    ['an abort in an SDK', new SdkError(undefined, undefined, undefined, 'Request was aborted.')],
    [
      'an error in the middle of a stream',
      new SdkError(undefined, new Headers(), { code: 'upstream_error' }),
    ],
    ['an answer broken off in an SDK', new SdkError(undefined, new Headers(), undefined)],
    ['a bug', new TypeError('x is not a function')],
    ['a value JSON cannot hold', new TypeError('Do not know how to serialize a BigInt')],
    ['a text', 'fetch failed'],
    ['null', null],
    ['undefined', undefined],
    ['a number', 503],
  ])('is not tried again: %s', (_name, error) => {
    expect(retryDelay(error, 1, half)).toBeUndefined()
  })
})

describe('a GatewayError', () => {
  it.each<[Condition, GatewayErrorOptions, number | undefined, number | undefined]>([
    ['api_key_invalid', {}, undefined, undefined],
    ['insufficient_quota', {}, undefined, undefined],
    ['value_invalid', { retryAfterMs: 5 }, undefined, undefined],
    ['channel_key_invalid', {}, undefined, undefined],
    ['internal_error', {}, 500, 1000],
    ['upstream_timeout', {}, 500, 1000],
    ['gateway_overloaded', { retryAfterMs: 250.5 }, 251, 251],
    ['gateway_overloaded', { headers: { 'retry-after': '3' } }, 3000, 3000],
    ['gateway_overloaded', { retryAfterMs: Number.NaN }, 500, 1000],
    ['gateway_overloaded', { retryAfterMs: Number.POSITIVE_INFINITY }, undefined, undefined],
    ['request_rate_limited', { retryAfterMs: 1500 }, 1500, 1500],
    ['request_rate_limited', { retryAfterMs: 60_001 }, undefined, undefined],
    ['request_rate_limited', {}, 1000, 1000],
    ['quota_conflict', {}, 500, undefined],
    ['upstream_rejected', {}, 500, 1000],
    ['upstream_rejected', { details: { status_code: 404 } }, undefined, undefined],
    ['upstream_rejected', { details: { status_code: 408 } }, 500, 1000],
    ['upstream_rejected', { details: { status_code: 429 } }, 500, 1000],
    ['upstream_rejected', { details: { status_code: 500 } }, 500, 1000],
    ['request_invalid', { status: 409 }, undefined, undefined],
  ])('%s %j', (condition, options, firstMs, secondMs) => {
    const error = new GatewayError(condition, options)
    expect(retryDelay(error, 1, half)).toBe(firstMs)
    expect(retryDelay(error, 2, half)).toBe(secondMs)
    expect(retryDelay(error, 3, half)).toBeUndefined()
  })
})

describe('whatever it is given', () => {
  const hostile: readonly unknown[] = [
    new Proxy(
      {},
      {
        get() {
          throw new Error('get')
        },
        has() {
          throw new Error('has')
        },
        getPrototypeOf() {
          throw new Error('getPrototypeOf')
        },
        ownKeys() {
          throw new Error('ownKeys')
        },
      },
    ),
    {
      get status(): number {
        throw new Error('status')
      },
    },
    { [Symbol.for('lazu.GatewayError')]: true },
    { status: 'ok', headers: 7, error: [] },
  ]

  it.each(hostile.map((error, index) => [index, error] as const))(
    'says no to hostile object %i',
    (_index, error) => {
      expect(retryDelay(error, 1, half)).toBeUndefined()
    },
  )

  it('goes by the status where the rest of it throws', () => {
    const headers = Object.defineProperty({}, 'retry-after', { enumerable: true, get: thrower })
    expect(retryDelay({ status: 503, headers: { get: thrower } }, 1, half)).toBe(500)
    expect(retryDelay({ status: 503, headers }, 1, half)).toBe(500)
    const error = Object.defineProperty({}, 'code', { get: thrower })
    expect(retryDelay({ status: 503, error }, 1, half)).toBe(500)
  })

  const condition = fc.constantFrom(...Object.keys(conditions).filter((name) => isCondition(name)))
  const headers = fc.record(
    {
      'retry-after': fc.oneof(fc.integer(), fc.float(), fc.date()).map(String),
      'retry-after-ms': fc.oneof(fc.integer(), fc.double()).map(String),
      'x-should-retry': fc.constantFrom('true', 'false', 'perhaps'),
    },
    { requiredKeys: [] },
  )
  const anything = fc.oneof(
    fc.anything({ withNullPrototype: true }),
    fc
      .tuple(condition, fc.option(fc.double(), { nil: undefined }))
      .map(([name, retryAfterMs]) => new GatewayError(name, { retryAfterMs })),
    fc
      .tuple(fc.integer({ min: 200, max: 599 }), headers)
      .map(([status, fields]) => answer(status, fields)),
    fc
      .tuple(fc.integer({ min: 300, max: 700 }), fc.anything(), headers)
      .map(([status, body, fields]) => sdkError(status, body, fields)),
  )
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it('waits whole milliseconds, at most a minute, and tries at most three times', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 5 }), fraction, (error, attempt, random) => {
        const delayMs = retryDelay(error, attempt, { random: () => random }) ?? 0
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(attempt < 3 ? 60_000 : 0)
      }),
      { numRuns: 500 },
    )
  })

  it('doubles what the random part is taken of', () => {
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 599 }), fraction, (status, random) => {
        const first = retryDelay(answer(status), 1, { random: () => random })
        const second = retryDelay(answer(status), 2, { random: () => random })
        expect(first).toBe(Math.floor(random * 1000))
        expect(second).toBe(Math.floor(random * 2000))
      }),
    )
  })
})
