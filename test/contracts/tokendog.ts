import type { Harness } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { generate, messages, startGateway } from './gateway.js'
import { errorOf, isRetried } from './http.js'
import * as situations from './situations.js'
import { handlerSays, invalid, upstream, type Situation, type Start } from './situations.js'

const idForm = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** Everything that TokenDog's documentation says of errors, headers and retries. */
export function tokendogSays(harness: Harness): void {
  const start: Start = (differences) => startGateway(harness, 'tokendog', differences)

  it.each<[what: string, Situation, status: number, code: string, isRetried: boolean]>([
    ['a missing parameter', situations.missingModel, 400, 'invalid_request', false],
    ['a missing field', invalid({ messages: [{}] }), 400, 'invalid_request', false],
    ['a malformed parameter', invalid({ messages: 'Hi' }), 400, 'invalid_request', false],
    ['a value out of bounds', invalid({ temperature: 3 }), 400, 'invalid_request', false],
    ['a missing key', situations.noKey, 401, 'invalid_api_key', false],
    ['a wrong key', situations.unknownKey, 401, 'invalid_api_key', false],
    ['a revoked key', situations.revokedKey, 403, 'access_denied', false],
    ['a disabled key', situations.disabledKey, 403, 'access_denied', false],
    ['a foreign address', situations.foreignAddress, 403, 'access_denied', false],
    ['a model not for this key', situations.forbiddenModel, 403, 'access_denied', false],
    ['no such path', situations.unknownPath, 404, 'invalid_request', false],
    ['no such model', situations.unknownModel, 404, 'model_not_found', false],
    ['too many requests', situations.tooManyRequests, 429, 'rate_limit_exceeded', true],

    ['bad JSON', situations.badJson, 400, 'bad_request_body', false],
    ['a body in Latin-1', situations.otherCharset, 400, 'read_request_body_failed', false],
    ['a wrong Content-Type', situations.plainText, 415, 'read_request_body_failed', false],
    ['a large body', situations.largeBody, 413, 'read_request_body_failed', false],
    ['no translation', handlerSays('conversion_failed'), 400, 'convert_request_failed', false],
    [
      'a word that is not wanted',
      handlerSays('sensitive_words_detected'),
      400,
      'sensitive_words_detected',
      false,
    ],
    ['a blocked prompt', handlerSays('prompt_blocked'), 400, 'prompt_blocked', false],
    ['no such format', handlerSays('api_type_unsupported'), 400, 'invalid_api_type', false],
    ['no channel', handlerSays('no_channel'), 503, 'get_channel_failed', true],
    ['no channel left', handlerSays('channels_exhausted'), 503, 'get_channel_failed', true],
    [
      'a channel without a key',
      handlerSays('channel_key_missing'),
      503,
      'channel:no_available_key',
      true,
    ],
    ['an upstream that refuses our key', upstream(401), 502, 'channel:invalid_key', false],
    [
      'a bad mapping',
      handlerSays('channel_mapping_failed'),
      500,
      'channel:model_mapped_error',
      false,
    ],
    ['a late upstream', situations.lateUpstream, 504, 'channel:response_time_exceeded', true],
    ['a late handler', situations.lateHandler, 504, 'channel:response_time_exceeded', true],
    ['a low balance', situations.lowBalance, 403, 'insufficient_user_quota', false],
    ['a spent cap', situations.spentCap, 403, 'pre_consume_token_quota_failed', false],
    ['a lost race', situations.lostRace, 403, 'pre_consume_token_quota_failed', true],
    ['a model without a price', situations.unpricedModel, 400, 'model_price_error', false],
    ['uncounted tokens', handlerSays('tokenization_failed'), 400, 'count_token_failed', false],
    ['no upstream', upstream('refuses connections'), 502, 'do_request_failed', true],
    ['an upstream that hangs up', upstream('hangs up'), 502, 'do_request_failed', true],
    ['a bad answer', handlerSays('upstream_bad_response'), 502, 'bad_response', true],
    ['a bad status', upstream(500), 502, 'bad_response_status_code', true],
    ['a status that will not change', upstream(404), 502, 'bad_response_status_code', false],
    ['an empty answer', handlerSays('upstream_empty_response'), 502, 'empty_response', true],
    ['half an answer', upstream('breaks off'), 502, 'read_response_body_failed', true],
    ['an answer that is no JSON', situations.cyclicAnswer, 500, 'json_marshal_failed', true],
    ['an unread store', handlerSays('store_read_failed'), 500, 'query_data_error', true],
    ['an unwritten store', handlerSays('store_write_failed'), 500, 'update_data_error', true],
  ])('%s: status, code, whether to try again', async (_, situation, status, code, retried) => {
    const answer = await situation(start)
    const { type, ...error } = errorOf(answer)
    expect({ status: answer.status, type, code: error['code'] }).toEqual({
      status,
      type: 'new_api_error',
      code,
    })
    expect(Object.keys(error).filter((member) => member !== 'details')).toEqual([
      'message',
      'code',
      'param',
    ])
    expect(isRetried(answer)).toBe(retried)
    expect(answer.headers.get('x-oneapi-request-id')).toMatch(idForm)
  })

  it('the routes of other families have the same envelope', async () => {
    for (const path of [messages, generate]) {
      const answer = await situations.asking({ key: undefined }, {}, path)(start)
      expect(errorOf(answer)).toEqual({
        message: 'No API key was sent. Send it in the header "Authorization: Bearer <key>".',
        type: 'new_api_error',
        code: 'invalid_api_key',
        param: null,
      })
    }
  })

  it('no headers tell of limits but Retry-After', async () => {
    const { status, headers } = await situations.tooManyRequests(start)
    expect([status, headers.get('retry-after'), headers.get('retry-after-ms')]).toEqual([
      429,
      '2',
      '2000',
    ])
    expect([...headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
  })

  it('keys begin with sk-', async () => {
    const gateway = await start()
    expect(gateway.key).toMatch(/^sk-[0-9A-Za-z]{38}$/)
    const { status, headers } = await gateway.ask()
    expect(status).toBe(200)
    expect(headers.get('x-oneapi-request-id')).toMatch(idForm)
  })
}
