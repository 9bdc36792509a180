import { ApiError, GoogleGenAI, type HttpOptions } from '@google/genai'
import { describe, expect, it } from 'vitest'
import { runSdkContract } from './contract.js'
import { thrownBy } from './expecting.js'
import {
  fails,
  model,
  nativeServers,
  startGateway,
  type Gateway,
  type KeyName,
} from './gateways.js'
import type { Rows } from './refusals.js'
import type { Asked, Sdk } from './sdk.js'

const rows: Rows<'lazu' | 'lemondata' | 'chuizi'> = {
  'a key nobody has': {
    lazu: [401, 'UNAUTHENTICATED', 'INVALID_API_KEY'],
    lemondata: [401, 'UNAUTHENTICATED', 'INVALID_API_KEY'],
    chuizi: [401, 'UNAUTHENTICATED', '401'],
  },
  'a key that is switched off': {
    lazu: [403, 'PERMISSION_DENIED', 'TOKEN_DISABLED'],
    lemondata: [401, 'UNAUTHENTICATED', 'EXPIRED_API_KEY'],
    chuizi: [401, 'UNAUTHENTICATED', '401'],
  },
  'a key that was withdrawn': {
    lazu: [401, 'UNAUTHENTICATED', 'INVALID_API_KEY'],
    lemondata: [401, 'UNAUTHENTICATED', 'EXPIRED_API_KEY'],
    chuizi: [401, 'UNAUTHENTICATED', '401'],
  },
  'a key that has expired': {
    lazu: [401, 'UNAUTHENTICATED', 'TOKEN_EXPIRED'],
    lemondata: [401, 'UNAUTHENTICATED', 'EXPIRED_API_KEY'],
    chuizi: [401, 'UNAUTHENTICATED', '401'],
  },
  "an address outside the key's list": {
    lazu: [403, 'PERMISSION_DENIED', 'IP_NOT_ALLOWED'],
    lemondata: [403, 'PERMISSION_DENIED', 'ACCESS_DENIED'],
    chuizi: [403, 'PERMISSION_DENIED', '403'],
  },
  'a model the key may not use': {
    lazu: [404, 'NOT_FOUND', 'MODEL_NOT_FOUND'],
    lemondata: [403, 'PERMISSION_DENIED', 'MODEL_NOT_ALLOWED'],
    chuizi: [403, 'PERMISSION_DENIED', '403'],
  },
  'a model that does not exist': {
    lazu: [404, 'NOT_FOUND', 'MODEL_NOT_FOUND'],
    lemondata: [400, 'INVALID_ARGUMENT', 'MODEL_NOT_FOUND'],
    chuizi: [404, 'NOT_FOUND', '404'],
  },
  'a balance that is too low': {
    lazu: [403, 'PERMISSION_DENIED', 'INSUFFICIENT_QUOTA'],
    lemondata: [402, 'FAILED_PRECONDITION', 'INSUFFICIENT_BALANCE'],
    chuizi: [402, 'FAILED_PRECONDITION', '402'],
  },
  'a cap that is reached': {
    lazu: [403, 'PERMISSION_DENIED', 'INSUFFICIENT_QUOTA'],
    lemondata: [402, 'FAILED_PRECONDITION', 'QUOTA_EXCEEDED'],
    chuizi: [403, 'PERMISSION_DENIED', '403'],
  },
  'a body that is too large': {
    lazu: [413, 'INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE'],
    lemondata: [413, 'INVALID_ARGUMENT', 'PAYLOAD_TOO_LARGE'],
    chuizi: [413, 'INVALID_ARGUMENT', '413'],
  },
  'a limit run into': {
    lazu: [429, 'RESOURCE_EXHAUSTED', 'REQUEST_RATE_LIMIT_EXCEEDED'],
    lemondata: [429, 'RESOURCE_EXHAUSTED', 'RATE_LIMIT_EXCEEDED'],
    chuizi: [429, 'RESOURCE_EXHAUSTED', '429'],
  },
  'a request that takes too long': {
    lazu: [504, 'DEADLINE_EXCEEDED', 'UPSTREAM_TIMEOUT'],
    lemondata: [504, 'DEADLINE_EXCEEDED', 'TIMEOUT_ERROR'],
    chuizi: [504, 'DEADLINE_EXCEEDED', '504'],
  },
  'a handler that fails': {
    lazu: [500, 'INTERNAL', 'INTERNAL_ERROR'],
    lemondata: [500, 'INTERNAL', 'INTERNAL_ERROR'],
    chuizi: [500, 'INTERNAL', '500'],
  },
}

function clientOf({ url }: Gateway, apiKey: string, http: HttpOptions = {}): GoogleGenAI {
  return new GoogleGenAI({ apiKey, vertexai: false, httpOptions: { baseUrl: url, ...http } })
}

async function textOf(client: GoogleGenAI, asked: Asked = {}): Promise<string> {
  const { signal } = asked
  const { text = '' } = await client.models.generateContent({
    ...bodyOf(asked),
    ...(signal !== undefined && { config: { abortSignal: signal } }),
  })
  return text
}

function bodyOf({ model: name = model, prompt = 'Hello' }: Asked) {
  return { model: name, contents: prompt }
}

const saying = (text: string): object => ({
  candidates: [{ content: { role: 'model', parts: [{ text }] } }],
})
const event = (text: string): string => `data: ${JSON.stringify(saying(text))}\n\n`

interface Envelope {
  readonly error: {
    readonly code: number
    readonly message: string
    readonly status: string
    readonly details: readonly Readonly<Record<string, unknown>>[]
  }
}

/** The body, which is the message of the SDK's error; within a stream words come before it. */
function envelopeOf({ message }: Error): Envelope {
  const envelope: Envelope = JSON.parse(message.slice(message.indexOf('{')))
  return envelope
}

/** The details by the names of their types. */
function detailsOf(error: Error): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const google = 'type.googleapis.com/google.rpc.'
  return Object.fromEntries(
    envelopeOf(error).error.details.map((detail) => {
      const type = String(detail['@type'])
      expect(type.startsWith(google)).toBe(true)
      return [type.slice(google.length), detail]
    }),
  )
}

/** Puts the key into the URL, as those do who follow the REST documentation. */
const keyInUrl: typeof fetch = (target, init) => {
  const url = new URL(target instanceof Request ? target.url : target)
  const headers = new Headers(init?.headers)
  url.searchParams.set('key', headers.get('x-goog-api-key') ?? '')
  headers.delete('x-goog-api-key')
  return fetch(url, { ...init, headers })
}

const sdk: Sdk = {
  name: '@google/genai',
  servers: nativeServers,
  rows,
  errorClass: () => ApiError,
  told(error) {
    const { code, status, message } = envelopeOf(error).error
    expect(error).toHaveProperty('status', code)
    const { ErrorInfo, RequestInfo } = detailsOf(error)
    return {
      type: status,
      code: ErrorInfo?.['reason'],
      message,
      requestId: RequestInfo?.['requestId'],
    }
  },
  ask(gateway, asked = {}) {
    return textOf(clientOf(gateway, gateway.keys[asked.key ?? 'good']), asked)
  },
  async *stream(gateway, asked = {}) {
    const client = clientOf(gateway, gateway.keys[asked.key ?? 'good'])
    const chunks = await client.models.generateContentStream(bodyOf(asked))
    for await (const { text = '' } of chunks) yield text
  },
  answer: saying('Hello there'),
  events: { first: event(''), text: event, last: event('') },
  seesHeaders: false,
  waitUnitMs: 1_000,
  carriers: [
    {
      name: 'x-goog-api-key',
      ask: (gateway, key) => sdk.ask(gateway, { key }),
      keyOf: ({ headers, url }) =>
        url?.includes('key=') === true ? '' : headers['x-goog-api-key'],
    },
    {
      name: '?key=',
      ask: (gateway, key) => textOf(clientOf(gateway, gateway.keys[key], { fetch: keyInUrl })),
      keyOf: ({ headers, url = '' }) =>
        'x-goog-api-key' in headers ? '' : new URL(url, 'http://a').searchParams.get('key'),
    },
  ],
}

runSdkContract(sdk)

describe.for(sdk.servers)('@google/genai and $name', (server) => {
  const fewWaits = { attempts: 3, initialDelay: 0.001, jitter: 0 }

  it('speaks its protocol under /gemini as well', async (context) => {
    const gateway = await startGateway(server, context, { answer: () => sdk.answer })
    const http = { baseUrl: `${gateway.url}/gemini` }
    const client = (key: KeyName): GoogleGenAI => clientOf(gateway, gateway.keys[key], http)
    expect(await textOf(client('good'))).toBe('Hello there')
    const error = await thrownBy(textOf(client('unknown')))
    expect(sdk.told(error)).toMatchObject({ type: 'UNAUTHENTICATED' })
    expect(gateway.arrivals.at(-1)?.request.url).toMatch(/^\/gemini\/v1beta\//)
  })

  it('asks once, unless it is told to try again', async (context) => {
    const gateway = await startGateway(server, context, { answer: fails('gateway_overloaded') })
    expect(await thrownBy(sdk.ask(gateway))).toMatchObject({ status: 503 })
    expect(gateway.arrivals).toHaveLength(1)
  })

  it('tries again what may pass, when it is told to', async (context) => {
    const gateway = await startGateway(server, context, {
      answer: (...parts) => (parts[2] === 0 ? fails('gateway_overloaded')(...parts) : sdk.answer),
    })
    const client = clientOf(gateway, gateway.keys.good, { retryOptions: fewWaits })
    expect(await textOf(client)).toBe('Hello there')
    expect(gateway.arrivals).toHaveLength(2)
  })

  it.for<KeyName>(['unknown', 'disabled', 'elsewhere', 'poor'])(
    'never tries again with the key %s',
    async (key, context) => {
      const gateway = await startGateway(server, context, { answer: () => sdk.answer })
      const client = clientOf(gateway, gateway.keys[key], { retryOptions: fewWaits })
      expect(await thrownBy(textOf(client))).toBeInstanceOf(ApiError)
      expect(gateway.arrivals).toHaveLength(1)
    },
  )

  it('names the gateway, the field and the wait', async (context) => {
    const gateway = await startGateway(server, context, {
      answer: () => sdk.answer,
      gateway: { limits: { rpm: 40, burst: 1 } },
    })
    const wrong = detailsOf(await thrownBy(sdk.ask(gateway, { model: 'lazu-ecko' })))
    expect(wrong['ErrorInfo']).toHaveProperty('domain', server.dialect)
    expect(wrong['BadRequest']).toHaveProperty('fieldViolations.0.field', 'model')
    const late = detailsOf(await thrownBy(sdk.ask(gateway)))
    expect(late['RetryInfo']).toHaveProperty('retryDelay', '2s')
  })
})
