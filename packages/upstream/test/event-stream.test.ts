import { sseEvent, type SseEvent } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { apis, readAll, readerOf } from './read-stream.js'
import {
  chatStream,
  chatUsageEvent,
  completedEvent,
  failedResponse,
  geminiStream,
  messagesStream,
  responseEvent,
  responsesStream,
  toolStream,
} from './streams.js'

const delta = sseEvent({ data: { choices: [{ index: 0, delta: { content: 'Hi' } }] } })

describe('an event stream', () => {
  it.each([
    ['a chat', apis.chat, chatStream],
    ['a chat with a tool', apis.chat, toolStream],
    ['a response', apis.responses, responsesStream],
    ['a message', apis.messages, messagesStream],
    ["Gemini's", apis.gemini, geminiStream],
  ])('that is %s is passed on as it is', (_name, api, stream) => {
    const { passed, failure } = readAll(readerOf(api), [stream])
    expect(failure).toBeUndefined()
    expect(passed.toString()).toBe(stream)
  })

  it('goes on as the very chunks that came, where they are whole events', () => {
    const reader = readerOf(apis.chat)
    for (const text of [delta, delta + delta, delta.replaceAll('\n', '\r\n')]) {
      const chunk = Buffer.from(text)
      expect(reader.push(chunk)).toBe(chunk)
    }
    const done = Buffer.from('data: [DONE]\n\n')
    expect(reader.push(done)).toBe(done)
    expect(reader.end()).toBeUndefined()
  })

  it('is held back by no more than the event that is not whole', () => {
    const reader = readerOf(apis.chat)
    expect(reader.push(Buffer.from(delta.slice(0, 9)))).toBeUndefined()
    expect(reader.begun).toBe(false)
    expect(String(reader.push(Buffer.from(delta.slice(9) + delta.slice(0, 20))))).toBe(delta)
    expect(reader.begun).toBe(true)
    expect(String(reader.push(Buffer.from(delta.slice(20))))).toBe(delta)
  })

  it('passes comments on at once, also those without a blank line', () => {
    const reader = readerOf(apis.chat)
    for (const comment of [': OPENROUTER PROCESSING\n\n', ':\n', ': ping\r\n']) {
      expect(String(reader.push(Buffer.from(comment)))).toBe(comment)
      expect(reader.begun).toBe(true)
    }
  })

  it('has not begun with blank lines, which wait for the first event', () => {
    const reader = readerOf(apis.chat)
    expect(reader.push(Buffer.from('\n\r\n\n'))).toBeUndefined()
    expect(reader.begun).toBe(false)
    expect(String(reader.push(Buffer.from(delta)))).toBe(`\n\r\n\n${delta}`)
    expect(String(reader.push(Buffer.from('\n\n')))).toBe('\n\n')
  })

  it('loses the event that only the gateway asked for, and no other', () => {
    const expected = chatStream.replace(chatUsageEvent, '')
    expect(expected).not.toBe(chatStream)
    const { passed, failure, reader } = readAll(readerOf(apis.chat, true), [chatStream])
    expect(failure).toBeUndefined()
    expect(passed.toString()).toBe(expected)
    expect(reader.usage?.inputTokens).toBe(1_117)
  })

  it('loses it to its last byte, also when that comes with the next chunk', () => {
    const event = chatUsageEvent.replaceAll('\n', '\r\n')
    const reader = readerOf(apis.chat, true)
    expect(reader.push(Buffer.from(event.slice(0, -1)))).toBeUndefined()
    expect(reader.push(Buffer.from('\n'))).toBeUndefined()
    expect(String(reader.push(Buffer.from('data: [DONE]\r')))).toBe('undefined')
    expect(String(reader.push(Buffer.from('\n\r')))).toBe('data: [DONE]\r\n\r')
    expect(String(reader.push(Buffer.from('\n')))).toBe('\n')
    expect(reader.end()).toBeUndefined()
  })

  it('has a usage that counts up in each event only when all of its choices have ended', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 6 }
    const event = (index: number, finish_reason: string | null): string =>
      sseEvent({ data: { choices: [{ index, delta: {}, finish_reason }], usage } })
    const { reader } = readAll(readerOf(apis.chat), [event(1, null) + event(0, 'stop')])
    expect(reader.usage).toBeUndefined()
    reader.push(Buffer.from(event(1, 'stop')))
    expect(reader.usage).toEqual({ inputTokens: 5, outputTokens: 6 })
  })

  it('keeps a usage that stands in an event with choices', () => {
    const both = sseEvent({
      data: {
        choices: [{ delta: {}, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 6 },
      },
    })
    const { passed, reader } = readAll(readerOf(apis.chat, true), [delta, both])
    expect(passed.toString()).toBe(delta + both)
    expect(reader.usage).toEqual({ inputTokens: 5, outputTokens: 6 })
  })

  it('passes an event of more than 64 kB on as it comes, and reads its usage', () => {
    const event = Buffer.from(sseEvent(completedEvent(3_000_000)))
    const reader = readerOf(apis.responses)
    let passed = 0
    for (let from = 0; from < event.length; from += 10_000) {
      const chunk = event.subarray(from, from + 10_000)
      passed += reader.push(chunk)?.length ?? 0
      expect(from + chunk.length - passed).toBeLessThanOrEqual(65_536)
    }
    expect(passed).toBe(event.length)
    expect(reader.end()).toBeUndefined()
    expect(reader.usage).toMatchObject({ inputTokens: 328, outputTokens: 52 })
  })

  it('counts about the text that the model writes', () => {
    const reader = readerOf(apis.chat)
    reader.push(Buffer.from(delta))
    expect(reader.outputBytes).toBe(2)
    const quoted = 'say "\\" and \n 你好'
    reader.push(Buffer.from(sseEvent({ data: { choices: [{ delta: { content: quoted } }] } })))
    expect(reader.outputBytes).toBe(2 + Buffer.byteLength(JSON.stringify(quoted)) - 2)
    for (const [api, stream] of [
      [apis.responses, responsesStream],
      [apis.messages, messagesStream],
      [apis.gemini, geminiStream],
    ] as const) {
      const { outputBytes } = readAll(readerOf(api), [stream]).reader
      expect(outputBytes).toBeGreaterThan(20)
      expect(outputBytes).toBeLessThan(120)
    }
  })
})

function choice(index: number): string {
  return sseEvent({ data: { choices: [{ index, delta: { content: 'Hi' } }] } })
}

function toolCall(index: number): string {
  const call = { index, function: { arguments: '{"a":' } }
  return sseEvent({ data: { choices: [{ index: 0, delta: { tool_calls: [call] } }] } })
}

function ends(...indexes: readonly (number | undefined)[]): string {
  const choices = indexes.map((index) => ({ index, delta: {}, finish_reason: 'stop' }))
  return sseEvent({ data: { choices } })
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

describe('the end of an event stream', () => {
  it.each([
    ['[DONE]', apis.chat, delta + 'data: [DONE]\n\n'],
    ['[DONE] without a blank line', apis.chat, `${delta}data: [DONE]`],
    ['a finish_reason', apis.chat, toolStream.replace('data: [DONE]\n\n', '')],
    ['response.completed', apis.responses, responsesStream],
    [
      'response.incomplete',
      apis.responses,
      sseEvent(responseEvent('response.incomplete', { response: { usage: null } })),
    ],
    ['message_stop', apis.messages, messagesStream],
    ['nothing in Gemini', apis.gemini, geminiStream.slice(0, geminiStream.indexOf('data:', 9))],
    ['nothing where no end is known', apis.images, sseEvent({ data: { type: 'partial' } })],
    ['the end and a comment', apis.chat, `${toolStream}: bye\n`],
    ['a finish_reason of each choice', apis.chat, choice(0) + choice(1) + ends(1) + ends(0)],
    [
      'a finish_reason of each choice in turn',
      apis.chat,
      choice(0) + ends(0) + choice(1) + ends(1),
    ],
    ['a finish_reason of all choices in one event', apis.chat, choice(0) + choice(1) + ends(0, 1)],
    ['what comes behind a finish_reason', apis.chat, choice(1) + ends(1) + choice(1)],
    ['a finish_reason of a choice that has no number', apis.chat, delta + ends(undefined)],
    [
      'a finish_reason behind several calls of tools',
      apis.chat,
      toolCall(0) + toolCall(1) + ends(0),
    ],
    ['[DONE], whatever is unfinished', apis.chat, `${choice(1)}${ends(0)}data: [DONE]\n\n`],
    [
      'a finish_reason of as many choices as there may be',
      apis.chat,
      numbers(128).map(choice).join('') + ends(...numbers(128)),
    ],
    [
      '[DONE] of more choices than there may be',
      apis.chat,
      `${numbers(1_000).map(choice).join('')}data: [DONE]\n\n`,
    ],
  ])('is %s', (_name, api, stream) => {
    const { passed, failure } = readAll(readerOf(api), [stream])
    expect(failure).toBeUndefined()
    expect(passed.toString()).toBe(stream)
  })

  it.each([
    ['has its end missing', apis.chat, delta],
    ['stops inside an event', apis.chat, toolStream.slice(0, -30)],
    ['stops inside the usage', apis.chat, chatStream.slice(0, chatStream.indexOf('cached_tokens'))],
    [
      'has no response.completed',
      apis.responses,
      responsesStream.replaceAll('response.completed', 'response.x'),
    ],
    ['has no message_stop', apis.messages, messagesStream.slice(0, -60)],
    ["stops inside an event of Gemini's", apis.gemini, geminiStream.slice(0, -10)],
    ['stops in the line behind a long event', apis.gemini, `data: {"a":"${'x'.repeat(70_000)}"}`],
    ['has a second choice without an end', apis.chat, choice(0) + ends(0) + choice(1)],
    ['has a first choice without an end', apis.chat, choice(0) + choice(1) + ends(1)],
    ['has both in one chunk', apis.chat, choice(0) + choice(1) + choice(0) + ends(0)],
    ['spells the second one out', apis.chat, ends(0) + choice(1).replace('"index":', '"index" : ')],
    [
      'has a second choice in a long event',
      apis.chat,
      ends(0) + choice(1).replace('"Hi"', `"${'x'.repeat(100_000)}"`),
    ],
    [
      'has more choices than there may be',
      apis.chat,
      numbers(1_000)
        .map((index) => choice(index) + ends(index))
        .join(''),
    ],
  ])('is broken when it %s', (_name, api, stream) => {
    const { failure } = readAll(readerOf(api), [stream])
    expect(failure?.condition).toBe('upstream_read_failed')
  })

  it.each(['', '\n\n', ': a comment\n\n', '\r\n: x\r\n'])(
    'of a stream that is %j says that it was empty',
    (stream) => {
      for (const api of Object.values(apis)) {
        expect(readAll(readerOf(api), [stream]).failure?.condition).toBe('upstream_empty_response')
      }
    },
  )
})

function chatError(error: unknown): string {
  return sseEvent({ data: { error } })
}

describe('an event that tells an error', () => {
  const canary = 'canary-text'

  it.each<[string, keyof typeof apis, SseEvent | string, string, number]>([
    ['in a chat', 'chat', chatError({ message: canary }), 'upstream_rejected', 500],
    ['as text', 'chat', chatError(canary), 'upstream_rejected', 500],
    [
      'with the status of a full upstream',
      'chat',
      chatError({ message: canary, code: 429 }),
      'upstream_unavailable',
      429,
    ],
    [
      'with a status as text',
      'chat',
      chatError({ message: canary, code: '502' }),
      'upstream_rejected',
      502,
    ],
    [
      'of a refused key',
      'chat',
      chatError({ message: canary, code: 401 }),
      'channel_key_invalid',
      401,
    ],
    ['of a bad request', 'chat', chatError({ message: canary, code: 400 }), 'body_malformed', 400],
    [
      'beside choices',
      'chat',
      { data: { choices: [{ finish_reason: 'error' }], error: { code: 503, message: canary } } },
      'upstream_unavailable',
      503,
    ],
    [
      "of vLLM's",
      'chat',
      { data: { object: 'error', message: canary, code: 500 } },
      'upstream_rejected',
      500,
    ],
    ['by its name', 'chat', { event: 'error', data: canary }, 'upstream_rejected', 500],
    [
      'of Responses',
      'responses',
      { event: 'error', data: { type: 'error', code: 'server_error', message: canary } },
      'upstream_rejected',
      500,
    ],
    ['that a response failed', 'responses', failedResponse, 'upstream_rejected', 500],
    [
      'that a response met a limit',
      'responses',
      responseEvent('response.failed', {
        response: { error: { code: 'rate_limit_exceeded', message: canary } },
      }),
      'upstream_unavailable',
      429,
    ],
    [
      "of Anthropic's",
      'messages',
      {
        event: 'error',
        data: { type: 'error', error: { type: 'overloaded_error', message: canary } },
      },
      'upstream_unavailable',
      529,
    ],
    [
      "of Anthropic's server",
      'messages',
      { event: 'error', data: { type: 'error', error: { type: 'api_error', message: canary } } },
      'upstream_rejected',
      500,
    ],
    [
      "of Gemini's",
      'gemini',
      { data: { error: { code: 503, message: canary, status: 'UNAVAILABLE' } } },
      'upstream_unavailable',
      503,
    ],
    [
      'with escapes in its names',
      'chat',
      String.raw`{"\u0065rror":{"message":"canary-text"}}`,
      'upstream_rejected',
      500,
    ],
    [
      'in several lines of data',
      'chat',
      '{"error":\ndata: {"message":"canary-text",\ndata: "code":503}}',
      'upstream_unavailable',
      503,
    ],
    [
      'in images',
      'images',
      { event: 'error', data: { type: 'error', error: { code: 500, message: canary } } },
      'upstream_rejected',
      500,
    ],
  ])('%s is told as a condition, and never passed on', (_name, api, event, condition, status) => {
    const text = typeof event === 'string' && event.startsWith('data:') ? event : sseEvent(event)
    const before = api === 'messages' ? sseEvent({ event: 'ping', data: {} }) : sseEvent('{}')
    for (const chunks of [[text], [before, text], [before + text], (before + text).split('')]) {
      const { passed, failure } = readAll(readerOf(apis[api]), chunks)
      expect(failure?.condition).toBe(condition)
      expect(failure?.details).toEqual({ status_code: status })
      expect(passed.toString()).toBe(chunks.join('').startsWith(before) ? before : '')
      expect(JSON.stringify([failure, String(failure?.cause), failure?.message])).not.toContain(
        canary,
      )
    }
  })

  it('leaves what stood before it in the same chunk to whoever has begun', () => {
    const reader = readerOf(apis.chat)
    expect(() => reader.push(Buffer.from(delta + chatError({})))).toThrow(
      'The upstream returned an error',
    )
    expect(String(reader.unsent)).toBe(delta)
    expect(reader.begun).toBe(false)
  })

  it('is known by the beginning of one that is too long to be held', () => {
    for (const [api, event] of [
      ['chat', chatError({ code: 503, message: 'x'.repeat(200_000) })],
      ['responses', sseEvent(longFailure())],
      ['messages', `event: error\ndata: ${'x'.repeat(200_000)}\n\n`],
      ['chat', sseEvent(`{"error":"${'x'.repeat(300)}","more":"${'x'.repeat(200_000)}`)],
    ] as const) {
      const bytes = Buffer.from(event)
      const pieces = [bytes.subarray(0, 50_000), bytes.subarray(50_000, 100_000)]
      const { passed, failure } = readAll(readerOf(apis[api]), pieces)
      expect(failure).toBeDefined()
      expect(passed).toHaveLength(0)
    }
  })

  it('tells the usage of a response that failed', () => {
    const usage = { input_tokens: 5, output_tokens: 6 }
    const event = responseEvent('response.failed', { response: { error: {}, usage } })
    const { failure, reader } = readAll(readerOf(apis.responses), [sseEvent(event)])
    expect(failure?.condition).toBe('upstream_rejected')
    expect(reader.usage).toEqual({ inputTokens: 5, outputTokens: 6 })
  })
})

/** A response that failed and says its long instructions again. */
function longFailure(): SseEvent {
  return responseEvent('response.failed', {
    response: { error: { code: 'server_error' }, instructions: 'x'.repeat(200_000) },
  })
}

describe('an event that is no error, though it speaks of one', () => {
  it.each([
    ['in what the model writes', apis.chat, '{"choices":[{"delta":{"content":"\\"error\\":1"}}]}'],
    ['as null', apis.chat, '{"error": null,"choices":[]}'],
    ['as false', apis.chat, '{"error": false,"choices":[]}'],
    ['as nothing', apis.gemini, '{"error":"","candidates":[]}'],
    ['as none', apis.messages, '{"type":"ping","error":0}'],
    ['as the name of a tool', apis.messages, '{"type":"content_block_start","name":"error"}'],
    ['deeper in it', apis.responses, '{"type":"x","item":{"error":{"code":1}}}'],
    ['in a text with data: in it', apis.chat, '{"choices":[{"delta":{"content":"data: x"}}]}'],
  ])('%s is passed on', (_name, api, data) => {
    const reader = readerOf(api)
    expect(String(reader.push(Buffer.from(sseEvent(data))))).toBe(sseEvent(data))
  })
})

describe('an event that is not JSON', () => {
  it.each(['<html>', 'overloaded', '1', 'null', '"text"', '{"usage":'])('%s is refused', (data) => {
    const { failure, passed } = readAll(readerOf(apis.chat), [sseEvent(data)])
    expect(failure?.condition).toBe('upstream_bad_response')
    expect(passed).toHaveLength(0)
  })

  it.each(['data\n\n', 'data:\n\n', 'data: \n\n', 'event: ping\n\n', 'id: 1\nretry: 5\n\n'])(
    '%j says nothing, and is passed on',
    (event) => {
      const stream = event + toolStream
      expect(String(readAll(readerOf(apis.chat), [stream]).passed)).toBe(stream)
    },
  )
})
