import { createKeys } from '@lazu/core'
import type { Harness } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { account, chat, chatBody, generate, messages, startGateway } from './gateway.js'
import { errorOf, isRetried, jsonOf } from './http.js'
import * as situations from './situations.js'
import { handlerSays, invalid, upstream, type Situation, type Start } from './situations.js'

const idForm = /^gen-[a-z0-9]{24}$/

/** Everything that Chuizi's documentation says of errors, headers and retries. */
export function chuiziSays(harness: Harness): void {
  const start: Start = (differences) => startGateway(harness, 'chuizi', differences)

  it.each<[what: string, Situation, body: string]>([
    [
      'a balance of $0.12 where $0.50 are needed',
      situations.lowBalance,
      '{"error":{"message":"Insufficient balance. Current: $0.12, Required: $0.50","type":"insufficient_quota","code":"402"}}',
    ],
    [
      'a key that is not sent',
      situations.noKey,
      '{"error":{"message":"Invalid API key","type":"authentication_error","code":"401"}}',
    ],
    [
      'a limit, and the two seconds until there is room again',
      situations.tooManyRequests,
      '{"error":{"message":"Rate limit exceeded. Retry after 2 seconds.","type":"rate_limit_error","code":"429"}}',
    ],
    [
      'a handler that took two minutes',
      situations.lateHandler,
      '{"error":{"message":"Request timed out after 120 seconds","type":"timeout","code":"504"}}',
    ],
  ])('%s: the body, byte by byte', async (_, situation, body) => {
    const answer = await situation(start)
    expect(answer.text).toBe(body)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  it.each(['/anthropic/v1/messages', messages])(
    'errors at %s have the Anthropic format',
    async (path) => {
      const answer = await situations.asking({ key: undefined }, {}, path)(start)
      expect(answer.status).toBe(401)
      expect(jsonOf(answer)).toEqual({
        type: 'error',
        error: {
          type: 'authentication_error',
          message: 'Invalid API key',
          details: { error_code: '401' },
        },
        request_id: answer.headers.get('x-chuizi-generation-id'),
      })
    },
  )

  it.each<[what: string, Situation, status: number, type: string, isRetried: boolean]>([
    ['a malformed body', situations.badJson, 400, 'invalid_request_error', false],
    ['a missing model', situations.missingModel, 400, 'invalid_request_error', false],
    ['a missing field', invalid({ messages: [{}] }), 400, 'invalid_request_error', false],
    ['a value out of bounds', invalid({ temperature: 3 }), 400, 'invalid_request_error', false],
    ['a missing key', situations.noKey, 401, 'authentication_error', false],
    ['an unknown key', situations.unknownKey, 401, 'authentication_error', false],
    ['a key without ck-', situations.otherPrefix, 401, 'authentication_error', false],
    ['a revoked key', situations.revokedKey, 401, 'authentication_error', false],
    ['a deactivated key', situations.disabledKey, 401, 'authentication_error', false],
    ['a low balance', situations.lowBalance, 402, 'insufficient_quota', false],
    ['a model not for this key', situations.forbiddenModel, 403, 'permission_error', false],
    ['an action not for it', handlerSays('access_denied'), 403, 'permission_error', false],
    ['a model that is not there', situations.unknownModel, 404, 'not_found', false],
    ['a model without a price', situations.unpricedModel, 404, 'not_found', false],
    ['too many requests', situations.tooManyRequests, 429, 'rate_limit_error', true],
    ['too many tokens', situations.tooManyTokens, 429, 'rate_limit_error', true],
    ['too many at once', situations.tooManyAtOnce, 429, 'rate_limit_error', true],
    ['a bug', situations.bug, 500, 'server_error', true],
    ['an upstream that fails', upstream(500), 502, 'upstream_error', true],
    ['an upstream that calls it malformed', upstream(400), 502, 'upstream_error', false],
    ['no upstream', upstream('refuses connections'), 502, 'upstream_error', true],
    ['half an answer', upstream('breaks off'), 502, 'upstream_error', true],
    ['a bad one', handlerSays('upstream_bad_response'), 502, 'upstream_error', true],
    ['an empty one', handlerSays('upstream_empty_response'), 502, 'upstream_error', true],
    ['an absent key store', situations.absentStore, 503, 'service_unavailable', true],
    ['an upstream that is down', upstream(503), 503, 'service_unavailable', true],
    ['no channel', handlerSays('no_channel'), 503, 'service_unavailable', true],
    ['a late upstream', situations.lateUpstream, 504, 'timeout', true],
    ['a late handler', situations.lateHandler, 504, 'timeout', true],
  ])('%s: status, type, whether to try again, and the id', async (_, situation, ...expected) => {
    const [status, type, retried] = expected
    const answer = await situation(start)
    const error = errorOf(answer)
    expect({ status: answer.status, type: error['type'], code: error['code'] }).toEqual({
      status,
      type,
      code: String(status),
    })
    expect(Object.keys(error).filter((member) => member !== 'details')).toEqual([
      'message',
      'type',
      'code',
    ])
    expect(isRetried(answer)).toBe(retried)
    expect(answer.headers.get('x-chuizi-generation-id')).toMatch(idForm)
  })

  it('an answer of every kind has a generation id of its own', async () => {
    const gateway = await start()
    const answers = [
      await gateway.ask(),
      await gateway.ask({}, messages),
      await gateway.send('GET /v1/models', gateway),
      await gateway.send('GET /nothing', gateway),
    ]
    const ids = answers.map(({ headers }) => headers.get('x-chuizi-generation-id'))
    for (const id of ids) expect(id).toMatch(idForm)
    expect(new Set(ids).size).toBe(answers.length)
  })

  it('keys begin with ck-, and are taken from either header in every protocol', async () => {
    const gateway = await start()
    const { key } = gateway
    expect(key).toMatch(/^ck-[0-9A-Za-z]{38}$/)
    const foreign = await createKeys().create({ account, name: 'of another server' })
    for (const path of [chat, messages, '/anthropic/v1/messages', generate]) {
      for (const [secret, status] of [
        [key, 200],
        [foreign.key, 401],
      ] as const) {
        for (const headers of [{ authorization: `Bearer ${secret}` }, { 'x-api-key': secret }]) {
          const sent = { key: undefined, headers }
          expect((await gateway.ask(sent, path)).status).toBe(status)
        }
      }
    }
  })

  it('the estimate is taken from the balance before the upstream is asked', async () => {
    const available: number[] = []
    const gateway = await start({
      credit: 1,
      handler({ lazu }) {
        available.push(gateway.ledger.balance(account).available)
        lazu.charge({ prompt_tokens: 1, completion_tokens: 1_000 })
        return {}
      },
    })
    const answer = await gateway.ask({ body: chatBody({ max_tokens: 5_000 }) })
    expect(answer.status).toBe(200)
    expect(available).toEqual([500_000])
    expect(gateway.ledger.balance(account)).toMatchObject({ settled: 100_000, held: 0 })
  })

  it('a balance that covers exactly the estimate is enough', async () => {
    const body = chatBody({ max_tokens: 1_200 })
    expect((await situations.asking({ body }, { credit: 0.12 })(start)).status).toBe(200)
  })

  it('sixty requests a minute for each key; Retry-After says how long to wait', async () => {
    const gateway = await start({ options: { limits: { rpm: 60 } } })
    const other = await gateway.makeKey()
    for (let count = 1; count <= 60; count++) {
      const { status, headers } = await gateway.ask()
      expect([status, headers.get('x-ratelimit-remaining')]).toEqual([200, String(60 - count)])
    }
    const answer = await gateway.ask()
    expect(answer.status).toBe(429)
    const wait = Number(answer.headers.get('retry-after'))
    expect(errorOf(answer)['message']).toBe(`Rate limit exceeded. Retry after ${wait} seconds.`)
    expect(answer.headers.get('x-ratelimit-limit')).toBe('60')
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0')
    const resetSeconds = gateway.clock.wallMs() / 1_000 + 60
    expect(answer.headers.get('x-ratelimit-reset')).toBe(String(resetSeconds))
    expect((await gateway.ask({ key: other.key })).status).toBe(200)
    gateway.clock.advance(wait * 1_000)
    expect((await gateway.ask()).status).toBe(200)
  })

  it('limits by user and by model say the same', async () => {
    const gateway = await start({
      options: {
        limits: [
          { name: 'user', rpm: 2, by: 'account' },
          { name: 'model', rpm: 1, by: 'model' },
        ],
      },
    })
    const other = await gateway.makeKey()
    const mini = { body: chatBody({ model: 'gpt-5-mini' }) }
    expect((await gateway.ask()).status).toBe(200)
    const byModel = await gateway.ask({ key: other.key })
    expect(errorOf(byModel)['message']).toBe('Rate limit exceeded. Retry after 60 seconds.')
    expect((await gateway.ask({ key: other.key, ...mini })).status).toBe(200)
    const byUser = await gateway.ask(mini)
    expect(errorOf(byUser)['message']).toBe('Rate limit exceeded. Retry after 30 seconds.')
  })
}
