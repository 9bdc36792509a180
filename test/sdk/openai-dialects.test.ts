import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import type { DialectName } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { runSdkContract } from './contract.js'
import { thrownBy } from './expecting.js'
import { model, serversOf, startGateway, type Gateway } from './gateways.js'
import { runOwnRetries } from './own-retries.js'
import type { Rows } from './refusals.js'
import type { Asked, ErrorClass, Sdk } from './sdk.js'

const lazuLimit = 'request_rate_limit_exceeded'
const invalid = 'invalid_request_error'

const rows: Rows<DialectName> = {
  'a key nobody has': {
    lazu: [401, 'authentication_error', 'invalid_api_key'],
    tokendog: [401, 'new_api_error', 'invalid_api_key'],
    lemondata: [401, 'invalid_api_key', 'invalid_api_key'],
    chuizi: [401, 'authentication_error', '401'],
    foza: [401, 'authentication_error', 'invalid_api_key'],
  },
  'a key that is switched off': {
    lazu: [403, 'permission_error', 'token_disabled'],
    tokendog: [403, 'new_api_error', 'access_denied'],
    lemondata: [401, 'expired_api_key', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
    foza: [401, 'authentication_error', 'invalid_api_key'],
  },
  'a key that was withdrawn': {
    lazu: [401, 'authentication_error', 'invalid_api_key'],
    tokendog: [403, 'new_api_error', 'access_denied'],
    lemondata: [401, 'expired_api_key', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
    foza: [401, 'authentication_error', 'invalid_api_key'],
  },
  'a key that has expired': {
    lazu: [401, 'authentication_error', 'token_expired'],
    tokendog: [401, 'new_api_error', 'invalid_api_key'],
    lemondata: [401, 'expired_api_key', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
    foza: [401, 'authentication_error', 'invalid_api_key'],
  },
  "an address outside the key's list": {
    lazu: [403, 'permission_error', 'ip_not_allowed'],
    tokendog: [403, 'new_api_error', 'access_denied'],
    lemondata: [403, 'access_denied', 'access_denied'],
    chuizi: [403, 'permission_error', '403'],
    foza: [403, 'permission_error', 'ip_not_allowed'],
  },
  'a model the key may not use': {
    lazu: [404, invalid, 'model_not_found'],
    tokendog: [403, 'new_api_error', 'access_denied'],
    lemondata: [403, 'access_denied', 'model_not_allowed'],
    chuizi: [403, 'permission_error', '403'],
    foza: [403, 'permission_error', 'model_not_subscribed'],
  },
  'a model that does not exist': {
    lazu: [404, invalid, 'model_not_found'],
    tokendog: [404, 'new_api_error', 'model_not_found'],
    lemondata: [400, 'model_not_found', 'model_not_found'],
    chuizi: [404, 'not_found', '404'],
    foza: [404, 'not_found_error', 'model_not_found'],
  },
  'a balance that is too low': {
    lazu: [403, 'insufficient_quota', 'insufficient_quota'],
    tokendog: [403, 'new_api_error', 'insufficient_user_quota'],
    lemondata: [402, 'insufficient_balance', 'insufficient_balance'],
    chuizi: [402, 'insufficient_quota', '402'],
    foza: [402, 'insufficient_quota', 'insufficient_balance'],
  },
  'a cap that is reached': {
    lazu: [403, 'insufficient_quota', 'insufficient_quota'],
    tokendog: [403, 'new_api_error', 'pre_consume_token_quota_failed'],
    lemondata: [402, 'quota_exceeded', 'quota_exceeded'],
    chuizi: [403, 'permission_error', '403'],
    foza: [402, 'insufficient_quota', 'quota_exceeded'],
  },
  'a body that is too large': {
    lazu: [413, invalid, 'payload_too_large'],
    tokendog: [413, 'new_api_error', 'read_request_body_failed'],
    lemondata: [413, invalid, 'payload_too_large'],
    chuizi: [413, invalid, '413'],
    foza: [413, invalid, 'payload_too_large'],
  },
  'a limit run into': {
    lazu: [429, 'rate_limit_exceeded', lazuLimit],
    tokendog: [429, 'new_api_error', 'rate_limit_exceeded'],
    lemondata: [429, 'rate_limit_exceeded', 'rate_limit_exceeded'],
    chuizi: [429, 'rate_limit_error', '429'],
    foza: [429, 'rate_limit_error', 'rate_limit_exceeded'],
  },
  'a request that takes too long': {
    lazu: [504, 'upstream_error', 'upstream_timeout'],
    tokendog: [504, 'new_api_error', 'channel:response_time_exceeded'],
    lemondata: [504, 'timeout_error', 'timeout_error'],
    chuizi: [504, 'timeout', '504'],
    foza: [504, 'timeout', 'timeout'],
  },
  'a handler that fails': {
    lazu: [500, 'server_error', 'internal_error'],
    tokendog: [500, 'new_api_error', 'internal_error'],
    lemondata: [500, 'internal_error', 'internal_error'],
    chuizi: [500, 'server_error', '500'],
    foza: [500, 'server_error', 'internal_error'],
  },
}

/** The rest of what is no 5xx is a plain APIError. */
const classes = new Map<number, ErrorClass>([
  [400, BadRequestError],
  [401, AuthenticationError],
  [403, PermissionDeniedError],
  [404, NotFoundError],
  [429, RateLimitError],
])

function clientOf({ url, keys }: Gateway, { key = 'good', maxRetries = 2 }: Asked = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: keys[key], maxRetries, logLevel: 'off' })
}

function bodyOf(asked: Asked): Pick<OpenAI.ChatCompletionCreateParams, 'model' | 'messages'> {
  const { model: name = model, prompt = 'Hello' } = asked
  return { model: name, messages: [{ role: 'user', content: prompt }] }
}

const chunk = (text: string): string => {
  const choices = [{ index: 0, delta: { content: text }, finish_reason: null }]
  return `data: ${JSON.stringify({ id: 'a', object: 'chat.completion.chunk', choices })}\n\n`
}

const sdk: Sdk = {
  name: 'openai',
  servers: serversOf(
    { dialect: 'lazu' },
    { dialect: 'tokendog' },
    { dialect: 'lemondata' },
    { dialect: 'chuizi' },
    { dialect: 'foza' },
  ),
  rows,
  errorClass(status) {
    if (status !== undefined && status >= 500) return InternalServerError
    return classes.get(status ?? 0) ?? APIError
  },
  told(error) {
    if (!(error instanceof APIError)) throw error
    const { type, code, requestID } = error
    return { type, code, requestId: requestID, message: memberOf(error, 'message') }
  },
  async ask(gateway, asked = {}) {
    const { signal } = asked
    const body = { ...bodyOf(asked), stream: false } as const
    const answer = await clientOf(gateway, asked).chat.completions.create(body, { signal })
    return answer.choices[0]?.message.content ?? ''
  },
  async *stream(gateway, asked = {}) {
    const body = { ...bodyOf(asked), stream: true } as const
    const chunks = await clientOf(gateway, asked).chat.completions.create(body)
    for await (const { choices } of chunks) yield choices[0]?.delta.content ?? ''
  },
  answer: {
    id: 'a',
    object: 'chat.completion',
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' } }],
  },
  events: { first: chunk(''), text: chunk, last: 'data: [DONE]\n\n' },
  seesHeaders: true,
  waitUnitMs: 1,
  carriers: [
    {
      name: 'Authorization: Bearer',
      ask: (gateway, key) => sdk.ask(gateway, { key }),
      keyOf: ({ headers }) => headers.authorization?.replace('Bearer ', ''),
    },
  ],
}

runSdkContract(sdk)
runOwnRetries(sdk)

describe.for(sdk.servers)('the members of an error of $name', (server) => {
  it('are those of the dialect', async (context) => {
    const gateway = await startGateway(server, context, { answer: () => sdk.answer })
    const error = await thrownBy(sdk.ask(gateway, { model: 'lazu-ecko' }))
    const { dialect } = server
    // Chuizi and Foza have no param.
    const param = dialect === 'chuizi' || dialect === 'foza' ? undefined : 'model'
    expect(error).toHaveProperty('param', param)
    const id = gateway.responseHeader('x-request-id')
    expect(memberOf(error, 'request_id')).toBe(dialect === 'lazu' ? id : undefined)
    expect(memberOf(error, 'did_you_mean')).toBe(dialect === 'lemondata' ? model : undefined)
    expect(memberOf(error, 'retryable')).toBe(dialect === 'lemondata' ? false : undefined)
  })
})

/** A member of `error.error`, which is the `error` of the body. */
function memberOf(error: Error, name: string): unknown {
  if (!(error instanceof APIError)) throw error
  return Reflect.get(Object(error.error), name)
}
