import type { IncomingMessage } from 'node:http'
import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ContentTooLargeError,
  GatewayTimeoutError,
  InternalServerError,
  NotFoundError,
  PaymentRequiredError,
  PermissionDeniedError,
  RateLimitError,
  ServiceUnavailableError,
  type ClientOptions,
} from '@anthropic-ai/sdk'
import { describe, expect, it } from 'vitest'
import { runSdkContract } from './contract.js'
import { thrownBy } from './expecting.js'
import { model, nativeServers, startGateway, streaming, type Gateway } from './gateways.js'
import { runOwnRetries } from './own-retries.js'
import type { Rows } from './refusals.js'
import type { Asked, ErrorClass, Sdk } from './sdk.js'

const rows: Rows<'lazu' | 'lemondata' | 'chuizi'> = {
  'a key nobody has': {
    lazu: [401, 'authentication_error', 'invalid_api_key'],
    lemondata: [401, 'authentication_error', 'invalid_api_key'],
    chuizi: [401, 'authentication_error', '401'],
  },
  'a key that is switched off': {
    lazu: [403, 'permission_error', 'token_disabled'],
    lemondata: [401, 'authentication_error', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
  },
  'a key that was withdrawn': {
    lazu: [401, 'authentication_error', 'invalid_api_key'],
    lemondata: [401, 'authentication_error', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
  },
  'a key that has expired': {
    lazu: [401, 'authentication_error', 'token_expired'],
    lemondata: [401, 'authentication_error', 'expired_api_key'],
    chuizi: [401, 'authentication_error', '401'],
  },
  "an address outside the key's list": {
    lazu: [403, 'permission_error', 'ip_not_allowed'],
    lemondata: [403, 'permission_error', 'access_denied'],
    chuizi: [403, 'permission_error', '403'],
  },
  'a model the key may not use': {
    lazu: [404, 'not_found_error', 'model_not_found'],
    lemondata: [403, 'permission_error', 'model_not_allowed'],
    chuizi: [403, 'permission_error', '403'],
  },
  'a model that does not exist': {
    lazu: [404, 'not_found_error', 'model_not_found'],
    lemondata: [400, 'invalid_request_error', 'model_not_found'],
    chuizi: [404, 'not_found_error', '404'],
  },
  'a balance that is too low': {
    lazu: [403, 'permission_error', 'insufficient_quota'],
    lemondata: [402, 'insufficient_balance_error', 'insufficient_balance'],
    chuizi: [402, 'billing_error', '402'],
  },
  'a cap that is reached': {
    lazu: [403, 'permission_error', 'insufficient_quota'],
    lemondata: [402, 'billing_error', 'quota_exceeded'],
    chuizi: [403, 'permission_error', '403'],
  },
  'a body that is too large': {
    lazu: [413, 'request_too_large', 'payload_too_large'],
    lemondata: [413, 'request_too_large', 'payload_too_large'],
    chuizi: [413, 'request_too_large', '413'],
  },
  'a limit run into': {
    lazu: [429, 'rate_limit_error', 'request_rate_limit_exceeded'],
    lemondata: [429, 'rate_limit_error', 'rate_limit_exceeded'],
    chuizi: [429, 'rate_limit_error', '429'],
  },
  'a request that takes too long': {
    lazu: [504, 'timeout_error', 'upstream_timeout'],
    lemondata: [504, 'timeout_error', 'timeout_error'],
    chuizi: [504, 'timeout_error', '504'],
  },
  'a handler that fails': {
    lazu: [500, 'api_error', 'internal_error'],
    lemondata: [500, 'api_error', 'internal_error'],
    chuizi: [500, 'api_error', '500'],
  },
}

const classes = new Map<number, ErrorClass>([
  [400, BadRequestError],
  [401, AuthenticationError],
  [402, PaymentRequiredError],
  [403, PermissionDeniedError],
  [404, NotFoundError],
  [413, ContentTooLargeError],
  [429, RateLimitError],
  [503, ServiceUnavailableError],
  [504, GatewayTimeoutError],
])

interface Client {
  readonly maxRetries?: number | undefined
  /** What comes before `/v1/messages`. */
  readonly root?: string
}

type Credential = Pick<ClientOptions, 'apiKey' | 'authToken' | 'defaultHeaders'>

/** A client that sends a key one way, and takes none from the environment. */
function clientOf(
  { url }: Gateway,
  credential: Credential,
  { maxRetries = 2, root = '' }: Client = {},
): Anthropic {
  const nobody = { apiKey: null, authToken: null }
  const options = { baseURL: `${url}${root}`, maxRetries, logLevel: 'off' as const }
  return new Anthropic({ ...options, ...nobody, ...credential })
}

function bodyOf({ model: name = model, prompt = 'Hello' }: Asked) {
  return { model: name, max_tokens: 10, messages: [{ role: 'user' as const, content: prompt }] }
}

async function textOf(client: Anthropic, asked: Asked = {}): Promise<string> {
  const { signal } = asked
  const options = signal === undefined ? {} : { signal }
  const { content } = await client.messages.create(bodyOf(asked), options)
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return 'x-api-key' in headers ? '' : headers.authorization?.replace('Bearer ', '')
}

const event = (type: string, members: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`

const usage = { input_tokens: 1, output_tokens: 2 }
const message = { id: 'a', type: 'message', role: 'assistant', model, stop_reason: null, usage }
const block = { index: 0, content_block: { type: 'text', text: '' } }

const sdk: Sdk = {
  name: '@anthropic-ai/sdk',
  servers: nativeServers,
  rows,
  errorClass(status) {
    if (status === undefined) return APIError
    return classes.get(status) ?? InternalServerError
  },
  told(error) {
    if (!(error instanceof APIError)) throw error
    const { type, errorCode, apiMessage, requestID } = error
    // It stands in the body as well.
    expect(error.error).toHaveProperty('request_id', requestID)
    return { type, code: errorCode, message: apiMessage, requestId: requestID }
  },
  ask(gateway, asked = {}) {
    const { key = 'good', maxRetries } = asked
    return textOf(clientOf(gateway, { apiKey: gateway.keys[key] }, { maxRetries }), asked)
  },
  async *stream(gateway, asked = {}) {
    const client = clientOf(gateway, { apiKey: gateway.keys[asked.key ?? 'good'] })
    const events = await client.messages.create({ ...bodyOf(asked), stream: true })
    for await (const { type, ...members } of events) {
      if (type !== 'content_block_delta' || !('delta' in members)) continue
      if ('text' in members.delta) yield members.delta.text
    }
  },
  answer: { ...message, content: [{ type: 'text', text: 'Hello there' }], stop_reason: 'end_turn' },
  events: {
    first:
      event('message_start', { message: { ...message, content: [] } }) +
      event('content_block_start', block),
    text: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
    last:
      event('content_block_stop', { index: 0 }) +
      event('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) +
      event('message_stop', {}),
  },
  seesHeaders: true,
  waitUnitMs: 1,
  carriers: [
    {
      name: 'Authorization: Bearer, as apiKey',
      ask: (gateway, key) => sdk.ask(gateway, { key }),
      keyOf: bearerOf,
    },
    {
      name: 'Authorization: Bearer, as authToken',
      ask: (gateway, key) => textOf(clientOf(gateway, { authToken: gateway.keys[key] })),
      keyOf: bearerOf,
    },
    {
      // Where versions before 1 put an apiKey.
      name: 'x-api-key',
      ask(gateway, key) {
        const defaultHeaders = { 'x-api-key': gateway.keys[key] }
        return textOf(clientOf(gateway, { defaultHeaders }))
      },
      keyOf: ({ headers }) => ('authorization' in headers ? '' : headers['x-api-key']),
    },
  ],
}

runSdkContract(sdk)
runOwnRetries(sdk)

describe.for(sdk.servers)('@anthropic-ai/sdk and $name', (server) => {
  it('speaks its protocol under /anthropic as well', async (context) => {
    const gateway = await startGateway(server, context, { answer: () => sdk.answer })
    const root = '/anthropic'
    const { good, unknown } = gateway.keys
    expect(await textOf(clientOf(gateway, { apiKey: good }, { root }))).toBe('Hello there')
    const error = await thrownBy(textOf(clientOf(gateway, { apiKey: unknown }, { root })))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(sdk.told(error)).toMatchObject({ type: 'authentication_error' })
    expect(gateway.arrivals.at(-1)?.request.url).toBe('/anthropic/v1/messages')
  })

  it('never gathers a broken stream into a message', async (context) => {
    const { first, text } = sdk.events
    const answer = streaming([first, text('Hello')], () => {
      throw new Error('SECRET')
    })
    const gateway = await startGateway(server, context, { answer })
    const client = clientOf(gateway, { apiKey: gateway.keys.good })
    const stream = client.messages.stream(bodyOf({}))
    const error = await thrownBy(stream.finalMessage())
    expect(error.constructor).toBe(APIError)
    expect(sdk.told(error)).toMatchObject({ type: 'api_error' })
  })

  it('shows what a program can mend, where the dialect tells it', async (context) => {
    const gateway = await startGateway(server, context, { answer: () => sdk.answer })
    const error = await thrownBy(sdk.ask(gateway, { model: 'lazu-ecko' }))
    expect(error).toHaveProperty('details.param', 'model')
    const hinted = expect.objectContaining({ did_you_mean: model })
    const plain = expect.not.objectContaining({ did_you_mean: model })
    expect(error).toHaveProperty('error.error', server.dialect === 'lemondata' ? hinted : plain)
  })
})
