import type { Harness } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { generate, messages, startGateway } from './gateway.js'
import { errorOf, isRetried, jsonOf } from './http.js'
import * as situations from './situations.js'
import { handlerSays, invalid, upstream, type Situation, type Start } from './situations.js'

const idForm = /^req_[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** Everything that Foza's documentation says of errors, headers and retries. */
export function fozaSays(harness: Harness): void {
  const start: Start = (differences) => startGateway(harness, 'foza', differences)

  it.each<[what: string, Situation, status: number, type: string, code: string]>([
    ['bad JSON', situations.badJson, 400, 'invalid_request_error', 'invalid_request'],
    ['a missing model', situations.missingModel, 400, 'invalid_request_error', 'invalid_request'],
    ['a bad field', invalid({ messages: 1 }), 400, 'invalid_request_error', 'invalid_request'],
    ['a bad value', invalid({ temperature: 3 }), 400, 'invalid_request_error', 'invalid_request'],
    ['no key', situations.noKey, 401, 'authentication_error', 'invalid_api_key'],
    ['an unknown key', situations.unknownKey, 401, 'authentication_error', 'invalid_api_key'],
    ['another prefix', situations.otherPrefix, 401, 'authentication_error', 'invalid_api_key'],
    ['a deleted key', situations.revokedKey, 401, 'authentication_error', 'invalid_api_key'],
    ['a deactivated key', situations.disabledKey, 401, 'authentication_error', 'invalid_api_key'],
    [
      'a model the key has not subscribed to',
      situations.forbiddenModel,
      403,
      'permission_error',
      'model_not_subscribed',
    ],
    ['no such model', situations.unknownModel, 404, 'not_found_error', 'model_not_found'],
    ['no such endpoint', situations.unknownPath, 404, 'not_found_error', 'endpoint_not_found'],
    ['a limit', situations.tooManyRequests, 429, 'rate_limit_error', 'rate_limit_exceeded'],
    ['a bug', situations.bug, 500, 'server_error', 'internal_error'],
    ['an upstream that fails', upstream(500), 502, 'upstream_error', 'upstream_error'],
    ['no upstream', upstream('refuses connections'), 502, 'upstream_error', 'upstream_error'],
    ['half an answer', upstream('breaks off'), 502, 'upstream_error', 'upstream_error'],
    ['an upstream that is down', upstream(503), 503, 'service_unavailable', 'provider_unavailable'],
    ['no channel', handlerSays('no_channel'), 503, 'service_unavailable', 'provider_unavailable'],
    ['no store', situations.absentStore, 503, 'service_unavailable', 'provider_unavailable'],
    ['a late upstream', situations.lateUpstream, 504, 'timeout', 'timeout'],
  ])('%s: status, type, code; 429 and 5xx are worth a retry', async (_, situation, ...expected) => {
    const answer = await situation(start)
    const { type, code } = errorOf(answer)
    expect([answer.status, type, code]).toEqual(expected)
    expect(isRetried(answer)).toBe(answer.status === 429 || answer.status >= 500)
    expect(answer.headers.get('x-request-id')).toMatch(idForm)
  })

  it('an error has three members, whatever else is known of it, on every route', async () => {
    const known = { param: 'model', details: { limit: 1, rule: 'rpm' }, hints: { hint: 'Wait.' } }
    for (const path of [undefined, messages, generate]) {
      const gateway = await start({ handler: ({ lazu }) => lazu.fail('value_invalid', known) })
      expect(jsonOf(await gateway.ask({}, path))).toEqual({
        error: {
          message: 'The value of a parameter is out of bounds.',
          type: 'invalid_request_error',
          code: 'invalid_request',
        },
      })
    }
  })

  it('no headers tell of limits but Retry-After', async () => {
    const { headers } = await situations.tooManyRequests(start)
    expect(headers.get('retry-after')).toBe('2')
    expect([...headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
  })

  it('keys begin with sk-foza-, and come in the Authorization header', async () => {
    const gateway = await start()
    expect(gateway.key).toMatch(/^sk-foza-[0-9A-Za-z]{38}$/)
    const { status, headers } = await gateway.ask()
    expect(status).toBe(200)
    expect(headers.get('x-request-id')).toMatch(idForm)
  })
}
