import { sseEvent } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { usageOfAnswer } from '../dist/usage/usage-of-answer.js'
import { apis, readAll, readerOf } from './read-stream.js'
import {
  chatStream,
  chatUsage,
  completedEvent,
  geminiChunks,
  geminiStream,
  geminiUsage,
  messagesStream,
  messageUsage,
  responsesStream,
  responseUsage,
  toolStream,
  wholeMessageUsage,
} from './streams.js'

const expected = {
  chat: {
    inputTokens: 1_117,
    outputTokens: 46,
    cachedInputTokens: 1_024,
    audioInputTokens: 12,
    audioOutputTokens: 4,
  },
  responses: { inputTokens: 328, outputTokens: 52, cachedInputTokens: 256 },
  // What was read from the cache and written to it stands beside the rest. How long what was written is
  // kept, the first event of a stream tells alone.
  messages: {
    inputTokens: 12_858,
    outputTokens: 510,
    cachedInputTokens: 2_048,
    cacheWriteInputTokens: 28,
    longCacheWriteInputTokens: 100,
  },
  // What tools gave the model and its thoughts stand beside the rest, too.
  gemini: {
    inputTokens: 1_320,
    outputTokens: 152,
    cachedInputTokens: 512,
    audioInputTokens: 258,
    imageInputTokens: 258,
  },
}

function usageEvent(usage: object): string {
  return sseEvent({ data: { choices: [], usage } })
}

describe('the usage of an event stream', () => {
  it.each([
    ['chat', chatStream],
    ['responses', responsesStream],
    ['messages', messagesStream],
    ['gemini', geminiStream],
  ] as const)('of %s is read', (api, stream) => {
    const { reader } = readAll(readerOf(apis[api]), [stream])
    expect(reader.usage).toEqual(expected[api])
  })

  it('is none where none is told', () => {
    expect(readAll(readerOf(apis.chat), [toolStream]).reader.usage).toBeUndefined()
  })

  it('is none before it is final', () => {
    const chat = readerOf(apis.chat)
    const choices = [{ delta: { content: 'a' }, finish_reason: null }]
    chat.push(Buffer.from(sseEvent({ data: { choices, usage: chatUsage } })))
    expect(chat.usage).toBeUndefined()
    const end = messagesStream.indexOf('event: message_delta')
    const messages = readerOf(apis.messages)
    messages.push(Buffer.from(messagesStream.slice(0, end)))
    expect(messages.usage).toBeUndefined()
    messages.push(Buffer.from(messagesStream.slice(end)))
    expect(messages.usage).toEqual(expected.messages)
  })

  it('is the last of several', () => {
    const chat = readerOf(apis.chat)
    chat.push(Buffer.from(usageEvent({ prompt_tokens: 1, completion_tokens: 1 })))
    chat.push(Buffer.from(usageEvent({ prompt_tokens: 2, completion_tokens: 3 })))
    expect(chat.usage).toEqual({ inputTokens: 2, outputTokens: 3 })
    // What cannot be believed is not made good by what was said before.
    chat.push(Buffer.from(usageEvent({ prompt_tokens: 2, completion_tokens: -3 })))
    expect(chat.usage).toBeUndefined()
  })

  it("is Anthropic's of the input from the first event, where the last does not repeat it", () => {
    const usage = { output_tokens: 15, input_tokens: null }
    const reader = readerOf(apis.messages)
    const stream = messagesStream.replace(JSON.stringify(messageUsage), JSON.stringify(usage))
    readAll(reader, [stream])
    expect(reader.usage).toEqual({
      inputTokens: 2_679 + 128 + 2_048,
      outputTokens: 15,
      cachedInputTokens: 2_048,
      cacheWriteInputTokens: 28,
      longCacheWriteInputTokens: 100,
    })
  })

  it('is that of images and speech, too', () => {
    const usage = { input_tokens: 50, output_tokens: 1_056, input_tokens_details: null }
    const event = { data: { type: 'image_generation.completed', b64_json: 'aGk=', usage } }
    const { reader } = readAll(readerOf(apis.images), [sseEvent(event)])
    expect(reader.usage).toEqual({ inputTokens: 50, outputTokens: 1_056 })
  })

  it.each([
    ['of a text', '{"choices":[{"delta":{"content":"\\"usage\\":{\\"prompt_tokens\\":0}"}}]}'],
    ['deeper in it', '{"choices":[{"delta":{"usage":{"prompt_tokens":0}}}]}'],
    ['of a prototype', '{"__proto__":{"usage":{"prompt_tokens":0}},"choices":[]}'],
  ])('is not looked for in the middle %s', (_name, data) => {
    const { reader } = readAll(readerOf(apis.chat), [sseEvent(data), sseEvent('[DONE]')])
    expect(reader.usage).toBeUndefined()
  })

  it('is not taken from the tools that a response repeats', () => {
    const fake = { input_tokens: 0, output_tokens: 0 }
    const response = {
      tools: [{ type: 'function', usage: fake, parameters: { usage: fake, response: fake } }],
      usage: responseUsage,
      metadata: { usage: '{"input_tokens":0}' },
      instructions: 'x'.repeat(200_000),
    }
    const event = sseEvent({ data: { type: 'response.completed', response, usage: fake } })
    for (const chunks of [[event], event.match(/[^]{1,9999}/g) ?? []]) {
      const { reader } = readAll(readerOf(apis.responses), chunks)
      expect(reader.usage).toEqual(expected.responses)
    }
  })
})

describe('the usage of an answer in JSON', () => {
  it.each([
    ['openai', '/v1/chat/completions', { id: 'chatcmpl-1', usage: chatUsage }, expected.chat],
    ['openai', '/v1/responses', { id: 'resp_1', usage: responseUsage }, expected.responses],
    ['openai', '/v1/responses/compact', { usage: responseUsage }, expected.responses],
    [
      'openai',
      '/v1/embeddings',
      { data: [], usage: { prompt_tokens: 8, total_tokens: 8 } },
      { inputTokens: 8, outputTokens: 0 },
    ],
    ['anthropic', '/v1/messages', { id: 'msg_1', usage: wholeMessageUsage }, expected.messages],
    [
      'gemini',
      '/v1beta/models/gemini-2.5-pro:generateContent',
      { candidates: [], usageMetadata: geminiUsage },
      expected.gemini,
    ],
    [
      'gemini',
      '/v1beta/models/gemini-2.5-pro:streamGenerateContent',
      geminiChunks,
      expected.gemini,
    ],
    [
      'gemini',
      '/v1beta/models/gemini-2.5-pro:streamGenerateContent',
      [...geminiChunks, { usageMetadata: { trafficType: 'ON_DEMAND' } }],
      expected.gemini,
    ],
  ] as const)('of %s at %s is read', (protocol, path, answer, usage) => {
    expect(usageOfAnswer(protocol, path, answer)).toEqual(usage)
  })

  it.each([
    ['a model without one', 'openai', '/v1/chat/completions', { id: 'chatcmpl-1' }],
    ['a response that is not ready', 'openai', '/v1/responses', { id: 'resp_1', usage: null }],
    ['a response made before', 'openai', '/v1/responses/resp_1', { usage: responseUsage }],
    ['a response cancelled', 'openai', '/v1/responses/resp_1/cancel', { usage: responseUsage }],
    ['a chat made before', 'openai', '/v1/chat/completions/chatcmpl-1', { usage: chatUsage }],
    ['a negative one', 'anthropic', '/v1/messages', { usage: { input_tokens: -5 } }],
    ['null', 'openai', '/v1/responses', null],
    ['a text', 'gemini', '/v1beta/models/x:generateContent', 'usageMetadata'],
    ['an empty list', 'gemini', '/v1beta/models/x:streamGenerateContent', []],
  ] as const)('is none of %s', (_name, protocol, path, answer) => {
    expect(usageOfAnswer(protocol, path, answer)).toBeUndefined()
  })

  it.each([
    ['anthropic', '/v1/messages/count_tokens', { input_tokens: 5 }],
    ['openai', '/v1/responses/input_tokens', { input_tokens: 5 }],
    ['gemini', '/v1beta/models/m:countTokens', { totalTokens: 5 }],
  ] as const)('of %s at %s, which only counts, is nothing', (protocol, path, answer) => {
    expect(usageOfAnswer(protocol, path, answer)).toEqual({ inputTokens: 0, outputTokens: 0 })
  })

  it('is the same as that of the stream', () => {
    const stream = sseEvent(completedEvent())
    const { reader } = readAll(readerOf(apis.responses), [stream])
    expect(reader.usage).toEqual(usageOfAnswer('openai', '/v1/responses', { usage: responseUsage }))
  })
})
