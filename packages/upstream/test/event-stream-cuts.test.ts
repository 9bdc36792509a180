import { sseEvent } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apis, cutAt, readAll, readerOf, type Read } from './read-stream.js'
import {
  chatStream,
  chatUsageEvent,
  completedEvent,
  failedResponse,
  geminiStream,
  messagesStream,
  responsesStream,
} from './streams.js'

const lineEnds = fc.constantFrom('\n', '\r\n', '\r')
const marks = fc.constantFrom('', '\uFEFF')
const places = fc.array(fc.nat(), { maxLength: 40 })

/** A stream with other line ends, and a byte order mark before it. */
function written(stream: string, lineEnd: string, mark: string): Buffer {
  return Buffer.from(mark + stream.replaceAll(/\r\n|\n/g, lineEnd))
}

function told({ reader, failure }: Read): readonly unknown[] {
  return [reader.usage, failure?.condition, failure?.details, reader.outputBytes]
}

const longResponse =
  responsesStream.slice(0, responsesStream.lastIndexOf('event:')) +
  sseEvent(completedEvent(200_000))

describe('wherever an event stream is cut', () => {
  it.each([
    ['a chat', apis.chat, chatStream],
    ['a response', apis.responses, responsesStream],
    ['a response with a long event', apis.responses, longResponse],
    ['a message', apis.messages, messagesStream],
    ["one of Gemini's", apis.gemini, geminiStream],
    ['comments and blank lines', apis.chat, `\n: x\n\n\n:\n${chatStream}\n\n: bye\n`],
  ])('%s is passed on byte for byte, and its usage is the same', (_name, api, stream) => {
    fc.assert(
      fc.property(lineEnds, marks, places, (lineEnd, mark, cuts) => {
        const bytes = written(stream, lineEnd, mark)
        const whole = readAll(readerOf(api), [bytes])
        const inParts = readAll(readerOf(api), cutAt(bytes, cuts))
        expect(inParts.failure).toBeUndefined()
        expect(inParts.passed.equals(bytes)).toBe(true)
        expect(told(inParts)).toEqual(told(whole))
        expect(inParts.reader.usage).toBeDefined()
      }),
      { numRuns: 60 },
    )
  })

  it('byte by byte, too', () => {
    for (const [api, stream] of [
      [apis.chat, chatStream],
      [apis.responses, responsesStream],
      [apis.messages, messagesStream],
      [apis.gemini, geminiStream],
    ] as const) {
      for (const lineEnd of ['\n', '\r\n', '\r']) {
        const bytes = written(stream, lineEnd, '\uFEFF')
        const whole = readAll(readerOf(api), [bytes])
        const inParts = readAll(
          readerOf(api),
          Array.from(bytes, (byte) => Buffer.of(byte)),
        )
        expect(inParts.passed.equals(bytes)).toBe(true)
        expect(told(inParts)).toEqual(told(whole))
      }
    }
  })

  it('the event that only the gateway asked for is gone, and nothing else', () => {
    const [before = '', after = ''] = chatStream.split(chatUsageEvent)
    fc.assert(
      fc.property(lineEnds, places, (lineEnd, cuts) => {
        const bytes = written(chatStream, lineEnd, '')
        const { passed, reader } = readAll(readerOf(apis.chat, true), cutAt(bytes, cuts))
        expect(passed.equals(written(before + after, lineEnd, ''))).toBe(true)
        expect(reader.usage?.outputTokens).toBe(46)
      }),
      { numRuns: 200 },
    )
  })

  it('an event that tells an error is not passed on, nor what comes behind it', () => {
    const events = responsesStream.split(/(?<=\n\n)/)
    fc.assert(
      fc.property(fc.nat(events.length - 1), lineEnds, places, (index, lineEnd, cuts) => {
        const before = events.slice(0, index).join('')
        const error = sseEvent(failedResponse)
        const bytes = written(before + error + events.slice(index).join(''), lineEnd, '')
        const { passed, failure } = readAll(readerOf(apis.responses), cutAt(bytes, cuts))
        // The end told before the error ends nothing: the stream went on.
        expect(failure?.condition).toBe('upstream_rejected')
        const expected = written(before, lineEnd, '')
        // Of CR LF, the LF that ends the event before may have come with the error.
        expect(expected.subarray(0, passed.length).equals(passed)).toBe(true)
        expect(expected.length - passed.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 200 },
    )
  })

  it('a stream that stops anywhere before its end is broken', () => {
    const end = chatStream.indexOf('"finish_reason":"stop"')
    fc.assert(
      fc.property(fc.integer({ min: 1, max: end }), places, (length, cuts) => {
        const bytes = Buffer.from(chatStream).subarray(0, length)
        const { failure, passed } = readAll(readerOf(apis.chat), cutAt(bytes, cuts))
        expect(failure?.condition).toBe('upstream_read_failed')
        expect(passed.length === 0 || passed.toString().endsWith('\n\n')).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})
