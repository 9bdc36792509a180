import Anthropic, { APIError as AnthropicError } from '@anthropic-ai/sdk'
import { usd, type GatewayOptions, type Price } from '@lazu/core'
import { sseEvent } from '@lazu/testkit'
import { ApiError, GoogleGenAI, type GenerateContentResponse } from '@google/genai'
import OpenAI, { APIError as OpenAIError } from 'openai'
import {
  chatStream,
  chatUsage,
  chatUsageEvent,
  geminiStream,
  geminiUsage,
  messagesStream,
  responsesStream,
  responseUsage,
  wholeMessageUsage,
} from '../../packages/upstream/test/streams.js'
import { eventsOf } from './turns.js'

/** Where a gateway is, and a key it lets in. */
export interface Door {
  readonly url: string
  readonly key: string
  /** How often the SDK tries again by itself; never unless given. */
  readonly maxRetries?: number
}

/** An API as its official SDK asks it. */
export interface Api {
  readonly name: string
  /** The path of the request, and of a stream. */
  readonly path: string
  readonly streamPath: string
  /** Options of the gateway, so that it speaks as this SDK expects. */
  readonly gateway: Partial<GatewayOptions>
  /** What is sent by hand, and the same for a stream. */
  readonly body: object
  readonly streamBody: object
  /** What the upstream sends, each piece with exactly one event that the SDK shows. */
  readonly pieces: readonly string[]
  /** What of these the client is to see, when it is not all of them. */
  readonly shownPieces?: readonly string[]
  /** An answer that is no stream. */
  readonly answer: object
  /** What answer and stream cost, in micro-dollars. */
  readonly micros: number
  ask(door: Door): Promise<unknown>
  stream(door: Door): AsyncIterable<unknown>
  /** What a stream costs that breaks off after its first piece; nothing unless given. */
  readonly brokenMicros?: number
  /** An event that tells of an error, in which the upstream says more than a client may know. */
  readonly errorEvent: string
  /** What the SDK throws for an error in a stream. */
  readonly error: new (...parts: never[]) => Error
  /** What an SDK shows of an event. */
  shows(piece: string): unknown
}

/** Micro-dollars a token: each kind has a price that is the sum of no others. */
export const price: Price = {
  input: usd(3),
  output: usd(50),
  cachedInput: usd(1),
  cacheWriteInput: usd(13),
  longCacheWriteInput: usd(29),
  audioInput: usd(7),
  audioOutput: usd(110),
  imageInput: usd(5),
}

const messages = [{ role: 'user' as const, content: 'Hello' }]
const model = 'm'
const chatMicros = (1_117 - 1_024 - 12) * 3 + 1_024 + 12 * 7 + (46 - 4) * 50 + 4 * 110
const responseMicros = (328 - 256) * 3 + 256 + 52 * 50
// What was written to the cache and read from it stands beside the input.
const messageMicros = 10_682 * 3 + 28 * 13 + 100 * 29 + 2_048 + 510 * 50
// Thoughts and what tools gave stand beside the rest.
const geminiMicros = (1_300 + 20 - 512 - 258 - 258) * 3 + 512 + 258 * 7 + 258 * 5 + (18 + 134) * 50

function openai({ url, key, maxRetries = 0 }: Door): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries })
}

function anthropic({ url, key, maxRetries = 0 }: Door): Anthropic {
  return new Anthropic({ apiKey: key, baseURL: url, maxRetries })
}

function gemini({ url, key }: Door): GoogleGenAI {
  return new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions: { baseUrl: url } })
}

/** The events of a stream, those that an SDK does not show together with the one before. */
function pieced(stream: string, silent: RegExp): readonly string[] {
  const pieces: string[] = []
  for (const event of eventsOf(stream)) {
    if (silent.test(event)) pieces.push((pieces.pop() ?? '') + event)
    else pieces.push(event)
  }
  return pieces
}

/** The JSON of an event; of the first one when there are several. */
function dataOf(piece: string): unknown {
  const [, data = ''] = /^data: (.*?)\r?$/m.exec(piece) ?? []
  return JSON.parse(data)
}

const chat = {
  path: '/v1/chat/completions',
  streamPath: '/v1/chat/completions',
  gateway: {},
  body: { model, messages },
  answer: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Grüß' }, finish_reason: 'stop' }],
    usage: chatUsage,
  },
  micros: chatMicros,
  ask: (door: Door) => openai(door).chat.completions.create({ model, messages }),
  errorEvent: sseEvent({ data: { error: { type: 'server_error', message: 'CANARY' } } }),
  error: OpenAIError,
  shows: dataOf,
}
const contents = { model, contents: 'Hello' }
const asksUsage = { stream_options: { include_usage: true } }

/** All that the official SDKs ask of a gateway. */
export const apis: readonly Api[] = [
  {
    ...chat,
    name: 'chat completions of openai',
    streamBody: { model, messages, stream: true },
    pieces: pieced(chatStream, /\[DONE\]|"choices":\[\]/),
    shownPieces: pieced(chatStream.replace(chatUsageEvent, ''), /\[DONE\]/),
    async *stream(door) {
      yield* await openai(door).chat.completions.create({ model, messages, stream: true })
    },
  },
  {
    ...chat,
    name: 'chat completions of openai, usage asked for',
    streamBody: { model, messages, stream: true, ...asksUsage },
    pieces: pieced(chatStream, /\[DONE\]/),
    async *stream(door) {
      const asked = { model, messages, stream: true, ...asksUsage } as const
      yield* await openai(door).chat.completions.create(asked)
    },
  },
  {
    name: 'responses of openai',
    path: '/v1/responses',
    streamPath: '/v1/responses',
    gateway: {},
    body: { model, input: 'Hello' },
    streamBody: { model, input: 'Hello', stream: true },
    pieces: pieced(responsesStream, /^$/),
    answer: { id: 'resp_1', object: 'response', output: [], usage: responseUsage },
    micros: responseMicros,
    ask: (door) => openai(door).responses.create({ model, input: 'Hello' }),
    async *stream(door) {
      yield* await openai(door).responses.create({ model, input: 'Hello', stream: true })
    },
    errorEvent: sseEvent({
      event: 'response.failed',
      data: {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'server_error', message: 'CANARY' } },
      },
    }),
    error: OpenAIError,
    shows: dataOf,
  },
  {
    name: 'messages of @anthropic-ai/sdk',
    path: '/v1/messages',
    streamPath: '/v1/messages',
    gateway: { protocol: 'native' },
    body: { model, messages, max_tokens: 100 },
    streamBody: { model, messages, max_tokens: 100, stream: true },
    pieces: pieced(messagesStream, /^event: ping/),
    answer: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      usage: wholeMessageUsage,
    },
    micros: messageMicros,
    ask: (door) => anthropic(door).messages.create({ model, messages, max_tokens: 100 }),
    async *stream(door) {
      const asked = { model, messages, max_tokens: 100, stream: true } as const
      yield* await anthropic(door).messages.create(asked)
    },
    errorEvent: sseEvent({
      event: 'error',
      data: { type: 'error', error: { type: 'api_error', message: 'CANARY' } },
    }),
    error: AnthropicError,
    shows: dataOf,
  },
  {
    name: 'generateContent of @google/genai',
    path: '/v1beta/models/m:generateContent',
    streamPath: '/v1beta/models/m:streamGenerateContent?alt=sse',
    gateway: { protocol: 'native' },
    body: { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] },
    streamBody: { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] },
    pieces: eventsOf(geminiStream),
    answer: {
      candidates: [{ content: { role: 'model', parts: [{ text: 'Hello' }] } }],
      usageMetadata: geminiUsage,
    },
    micros: geminiMicros,
    // Each event counts all tokens so far.
    brokenMicros: 1_300 * 3 + 134 * 50,
    ask: async (door) => shownByGemini(await gemini(door).models.generateContent(contents)),
    async *stream(door) {
      const stream = await gemini(door).models.generateContentStream(contents)
      for await (const answer of stream) yield shownByGemini(answer)
    },
    errorEvent: sseEvent({ data: { error: { code: 500, status: 'INTERNAL', message: 'CANARY' } } }),
    error: ApiError,
    shows: (piece) => shownByGemini(dataOf(piece)),
  },
]

/** This SDK makes objects of its own of what it gets. */
function shownByGemini(answer: unknown): unknown {
  const { candidates, usageMetadata }: Partial<GenerateContentResponse> = Object(answer)
  return { candidates, usageMetadata }
}
