import { exchangeOf, filesGuards } from '@lazu/core'
import type { Handler, Harness } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { chat, chatBody, generate, messages, startGateway } from './gateway.js'
import { errorOf, isRetried, jsonOf } from './http.js'
import * as situations from './situations.js'
import { handlerSays, invalid, upstream, type Situation, type Start } from './situations.js'

const idForm = /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const megabyte = 1_048_576

/** Pictures of up to 20 MB, recordings of up to 25. */
const uploads = filesGuards({
  purposes: { image: { maxBytes: 20 * megabyte }, audio: { maxBytes: 25 * megabyte } },
  upload: (exchange) => ({
    purpose: exchange.header('x-purpose'),
    bytes: Number(exchange.header('x-bytes')),
  }),
})

const takeUpload: Handler = async ({ raw }) => {
  const exchange = exchangeOf(raw.request)
  if (exchange === undefined) throw new Error('there is no exchange')
  for (const guard of uploads) await guard.enter(exchange)
  return { id: 'file-1' }
}

function uploading(purpose: string, bytes: number): Situation {
  const headers = { 'x-purpose': purpose, 'x-bytes': String(bytes) }
  return situations.asking({ headers }, { handler: takeUpload }, '/v1/files')
}

/** The same on a route of the Anthropic family. */
function asAnthropic(sent: object, differences?: object): Situation {
  return situations.asking(sent, differences, messages)
}

/** Everything that LemonData's documentation says of errors, headers and retries. */
export function lemondataSays(harness: Harness): void {
  const start: Start = (differences) => startGateway(harness, 'lemondata', differences)

  it.each<[what: string, Situation, status: number, type: string, code?: string]>([
    ['a missing key', situations.noKey, 401, 'invalid_api_key'],
    ['an invalid key', situations.unknownKey, 401, 'invalid_api_key'],
    ['a revoked key', situations.revokedKey, 401, 'expired_api_key'],
    ['an expired key', situations.expiredKey, 401, 'expired_api_key'],
    ['a low balance', situations.lowBalance, 402, 'insufficient_balance'],
    ['a spent cap', situations.spentCap, 402, 'quota_exceeded'],
    ['a resource that is not for this key', handlerSays('access_denied'), 403, 'access_denied'],
    [
      'a model that is not for this key',
      situations.forbiddenModel,
      403,
      'access_denied',
      'model_not_allowed',
    ],
    ['bad JSON', situations.badJson, 400, 'invalid_request_error', 'invalid_request'],
    ['a bad field', invalid({ messages: 1 }), 400, 'invalid_request_error', 'invalid_request'],
    ['a bad value', invalid({ temperature: 3 }), 400, 'invalid_request_error', 'invalid_request'],
    [
      'an input too long for the model',
      handlerSays('context_length_exceeded'),
      400,
      'context_length_exceeded',
    ],
    ['no such model', situations.unknownModel, 400, 'model_not_found'],
    ['no such resource', situations.unknownPath, 404, 'invalid_request_error', 'not_found'],
    ['no such file', handlerSays('file_not_found'), 404, 'invalid_request_error', 'not_found'],
    [
      'a picture over 20 MB',
      uploading('image', 20 * megabyte + 1),
      413,
      'invalid_request_error',
      'payload_too_large',
    ],
    [
      'a recording over 25 MB',
      uploading('audio', 25 * megabyte + 1),
      413,
      'invalid_request_error',
      'payload_too_large',
    ],
    ['a large body', situations.largeBody, 413, 'invalid_request_error', 'payload_too_large'],
    ['too many requests', situations.tooManyRequests, 429, 'rate_limit_exceeded'],
    ['too many tokens', situations.tooManyTokens, 429, 'rate_limit_exceeded'],
    ['too many at once', situations.tooManyAtOnce, 429, 'rate_limit_exceeded'],
    ['a bug', situations.bug, 500, 'internal_error'],
    ['an upstream that fails', upstream(500), 502, 'upstream_error'],
    ['no upstream', upstream('refuses connections'), 502, 'upstream_error'],
    ['an upstream that is down', upstream(503), 503, 'upstream_error'],
    ['no provider left', handlerSays('channels_exhausted'), 503, 'all_channels_failed'],
    ['no provider at all', handlerSays('no_channel'), 503, 'all_channels_failed'],
    ['an absent key store', situations.absentStore, 503, 'service_unavailable'],
    ['a late upstream', situations.lateUpstream, 504, 'timeout_error'],
    ['a late handler', situations.lateHandler, 504, 'timeout_error'],
  ])('%s: status, type, code, and all four members', async (_, situation, ...expected) => {
    const [status, type, code = type] = expected
    const answer = await situation(start)
    const error = errorOf(answer)
    expect([answer.status, error['type'], error['code']]).toEqual([status, type, code])
    expect(Object.keys(error).slice(0, 4)).toEqual(['message', 'type', 'code', 'param'])
    // The hint for programs is the header's advice in the body.
    expect(error['retryable']).toBe(isRetried(answer))
    expect(answer.headers.get('x-request-id')).toMatch(idForm)
  })

  it.each([
    ['image', 20],
    ['audio', 25],
  ])('an upload of %s with %i MB is taken', async (purpose, size) => {
    expect((await uploading(purpose, size * megabyte)(start)).status).toBe(200)
  })

  it.each([chat, messages, generate])(
    'on %s Retry-After and retry_after are the same seconds, and they suffice',
    async (path) => {
      const gateway = await start({ options: { limits: { rpm: 7, burst: 1 } } })
      await gateway.ask({}, path)
      gateway.clock.advance(100)
      const answer = await gateway.ask({}, path)
      expect(answer.status).toBe(429)
      expect(errorOf(answer)['message']).toBe('Rate limit exceeded. Please retry later.')
      const seconds = Number(answer.headers.get('retry-after'))
      expect(seconds).toBe(Math.ceil(60 / 7 - 0.1))
      expect(errorOf(answer)['retry_after']).toBe(seconds)
      gateway.clock.advance(seconds * 1_000)
      expect((await gateway.ask({}, path)).status).toBe(200)
    },
  )

  it('a low balance says what is needed, for which model, and what is there', async () => {
    const body = chatBody({ max_tokens: 3_500 })
    const answer = await situations.asking({ body }, { credit: 0.12 })(start)
    expect(errorOf(answer)).toMatchObject({
      message: 'Insufficient balance: need ~$0.3500 for gpt-5, but balance is $0.1200.',
      balance_usd: 0.12,
      estimated_cost_usd: 0.35,
      retryable: false,
    })
  })

  it('on Anthropic routes it has the Anthropic form, and a type of its own', async () => {
    const answer = await asAnthropic({}, { credit: 0 })(start)
    expect(answer.status).toBe(402)
    const { type, error, request_id } = jsonOf(answer)
    expect([type, request_id]).toEqual(['error', answer.headers.get('x-request-id')])
    expect(error).toMatchObject({
      type: 'insufficient_balance_error',
      details: { error_code: 'insufficient_balance' },
      balance_usd: 0,
      estimated_cost_usd: 0.001,
    })
  })

  it('other errors on Anthropic and Gemini routes have types of their families', async () => {
    const anthropic = await asAnthropic({ key: undefined })(start)
    expect(errorOf(anthropic)).toMatchObject({
      type: 'authentication_error',
      details: { error_code: 'invalid_api_key' },
    })
    const gemini = await situations.asking({ key: undefined }, {}, generate)(start)
    expect(errorOf(gemini)).toMatchObject({ code: 401, status: 'UNAUTHENTICATED' })
    const unknown = '/v1beta/models/no-such-model:generateContent'
    const noModel = await situations.asking({}, {}, unknown)(start)
    expect(errorOf(noModel)).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' })
  })

  it('X-RateLimit-Limit, -Remaining and -Reset are on every answer under a limit', async () => {
    const tiers = { user: { rpm: 1_000 }, partner: { rpm: 3_000 }, vip: { rpm: 10_000 } }
    const gateway = await start({ options: { tiers } })
    for (const [tier, limit] of [
      ['user', 1_000],
      ['partner', 3_000],
      ['vip', 10_000],
    ] as const) {
      const { key } = await gateway.makeKey({ tier })
      const { status, headers } = await gateway.ask({ key })
      expect(status).toBe(200)
      expect(headers.get('x-ratelimit-limit')).toBe(String(limit))
      expect(headers.get('x-ratelimit-remaining')).toBe(String(limit - 1))
      const resetSeconds = Math.ceil((gateway.clock.wallMs() + 60_000 / limit) / 1_000)
      expect(headers.get('x-ratelimit-reset')).toBe(String(resetSeconds))
    }
  })

  it('keys begin with sk-, and every answer has an id for the log', async () => {
    const gateway = await start()
    expect(gateway.key).toMatch(/^sk-[0-9A-Za-z]{38}$/)
    const { status, headers } = await gateway.ask()
    expect(status).toBe(200)
    expect(headers.get('x-request-id')).toMatch(idForm)
  })
}
