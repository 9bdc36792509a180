import { sseEvent } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apis, cutAt, readAll, readerOf, type Api } from './read-stream.js'

const everyApi: readonly Api[] = Object.values(apis)

describe('a hostile event stream', () => {
  it.each([
    ['a line without an end', 'x'],
    ['data without an end', 'data: x'],
    ['a comment without an end', ':'],
    ['a text without an end', 'data: {"a":"'],
    ['a field without an end', 'event: x'],
    ['lists without an end', `data: ${'['.repeat(1_000)}`],
    ['objects without an end', `data: ${'{"a":'.repeat(1_000)}`],
    ['data in lines without an end', 'data: 1,\n'],
    ['line ends', '\n\r\r\n'],
    ['empty events', 'data\n\n'],
  ])('of %s takes little room, and ends in a GatewayError or not at all', (_name, beginning) => {
    const repeated = Buffer.from(beginning.repeat(Math.ceil(65_536 / beginning.length)))
    for (const api of everyApi) {
      const reader = readerOf(api)
      let passed = reader.push(Buffer.from(beginning))?.length ?? 0
      let taken = beginning.length
      for (let count = 0; count < 16; count++) {
        passed += reader.push(repeated)?.length ?? 0
        taken += repeated.length
        // Comments, blank lines and long events go on; nothing else is kept.
        expect(taken - passed).toBeLessThanOrEqual(2 * 65_536)
      }
      const { failure } = readAll(reader, [])
      expect([undefined, 'upstream_read_failed', 'upstream_empty_response']).toContain(
        failure?.condition,
      )
    }
  })

  it('of a hundred thousand empty events is read at once', () => {
    const reader = readerOf(apis.chat)
    const chunk = Buffer.from('\n'.repeat(1_000) + 'data:\n\n'.repeat(1_000))
    const start = process.cpuUsage()
    for (let count = 0; count < 100; count++) reader.push(chunk)
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(5_000)
    expect(reader.usage).toBeUndefined()
  })

  it('in chunks of a byte takes no more than its time', () => {
    const event = sseEvent({ data: { choices: [{ delta: { content: 'x'.repeat(60_000) } }] } })
    const reader = readerOf(apis.chat)
    const start = process.cpuUsage()
    const bytes = Array.from(Buffer.from(event), (byte) => Buffer.of(byte))
    expect(readAll(reader, bytes).passed.toString()).toBe(event)
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(2_000)
  })

  it.each([
    ['negative', -1],
    ['a fraction', 1.5],
    ['huge', 2 ** 53],
    ['more than any request has', 1_000_000_001],
    ['as text', '5'],
    ['a list', [5]],
    ['an object', {}],
    ['true', true],
  ])('with a usage that is %s is charged by no usage', (_name, tokens) => {
    for (const [api, event] of [
      [apis.chat, { choices: [], usage: { prompt_tokens: 5, completion_tokens: tokens } }],
      [
        apis.responses,
        {
          type: 'response.completed',
          response: { usage: { input_tokens: tokens, output_tokens: 5 } },
        },
      ],
      [apis.messages, { type: 'message_delta', usage: { input_tokens: 5, output_tokens: tokens } }],
      [apis.gemini, { usageMetadata: { promptTokenCount: 5, candidatesTokenCount: tokens } }],
      [apis.images, { usage: { input_tokens: tokens, output_tokens: 5 } }],
    ] as const) {
      const reader = readerOf(api)
      reader.push(Buffer.from(sseEvent({ data: event })))
      expect(reader.usage).toBeUndefined()
    }
  })

  it.each(['NaN', 'Infinity', '-Infinity', '1e999', '0x5', '01', '1_0', ''])(
    'with a usage of %s is charged by no usage',
    (tokens) => {
      const reader = readerOf(apis.chat)
      const usage = `{"prompt_tokens":5,"completion_tokens":${tokens}}`
      readAll(reader, [sseEvent(`{"choices":[],"usage":${usage}}`), 'data: [DONE]\n\n'])
      expect(reader.usage).toBeUndefined()
    },
  )

  it('with a field twice is read as its client reads it: the last one counts', () => {
    const reader = readerOf(apis.chat)
    const one = '{"prompt_tokens":1,"completion_tokens":1}'
    const two = '{"prompt_tokens":2,"completion_tokens":2}'
    reader.push(Buffer.from(sseEvent(`{"choices":[],"usage":${one},"usage":${two}}`)))
    expect(reader.usage).toEqual({ inputTokens: 2, outputTokens: 2 })
    const hidden = readerOf(apis.chat)
    hidden.push(Buffer.from(sseEvent(`{"choices":[],"usage":null,"usage":${two}}`)))
    expect(hidden.usage).toEqual({ inputTokens: 2, outputTokens: 2 })
  })

  it('with JSON of any depth breaks nothing', () => {
    const depth = 20_000
    const deep = `{"choices":[],"usage":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const { reader } = readAll(readerOf(apis.chat), [sseEvent(deep), sseEvent('[DONE]')])
    expect(reader.usage).toBeUndefined()
    const longer = `{"usage":${'{"usage":'.repeat(depth)}1${'}'.repeat(depth)}}`
    for (const api of everyApi) {
      expect(() =>
        readAll(readerOf(api), cutAt(Buffer.from(sseEvent(longer)), [70_000])),
      ).not.toThrow()
    }
  })

  it('of any bytes is passed on as it is, or ends in a GatewayError', () => {
    const pieces = fc.constantFrom(
      'data: ',
      'data:',
      'event: ',
      'event: error\n',
      'id: 1',
      ':',
      '\n',
      '\n\n',
      '\r',
      '\r\n',
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      '\\u0065',
      ',',
      '"error":',
      '"usage":',
      '"usageMetadata":{"promptTokenCount":',
      '"choices":[]',
      '"type":"message_delta"',
      '"type":"response.completed"',
      '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
      'null',
      '-1',
      '[DONE]',
      '\uFEFF',
      'ü😀',
      'x'.repeat(70_000),
    )
    const stream = fc.oneof(
      fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    )
    const cuts = fc.array(fc.nat(), { maxLength: 10 })
    fc.assert(
      fc.property(fc.constantFrom(...everyApi), stream, cuts, (api, bytes, places) => {
        const { passed, failure, reader } = readAll(readerOf(api), cutAt(bytes, places))
        expect(bytes.subarray(0, passed.length).equals(passed)).toBe(true)
        expect(failure !== undefined || passed.length === bytes.length).toBe(true)
        for (const count of Object.values(reader.usage ?? {})) {
          expect(count === undefined || (Number.isSafeInteger(count) && count >= 0)).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
