import { dialects, GatewayError } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerBody } from '../dist/answer-body.js'
import { cutAt } from './read-stream.js'

function bodyOf(maxBytes = 1_000): AnswerBody {
  return new AnswerBody({ maxBytes, dialect: dialects.lazu })
}

/** What a call throws. */
function thrownBy(call: () => unknown): GatewayError {
  try {
    call()
  } catch (error) {
    if (GatewayError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function endOf(text: string): GatewayError {
  const body = bodyOf()
  body.push(Buffer.from(text))
  return thrownBy(() => body.end())
}

describe('an answer in JSON', () => {
  it('is read whole, wherever it is cut, and stays as it came', () => {
    fc.assert(
      fc.property(fc.json(), fc.array(fc.nat(), { maxLength: 20 }), (text, places) => {
        const bytes = Buffer.from(text)
        const body = bodyOf(100_000)
        for (const chunk of cutAt(bytes, places)) expect(body.push(chunk)).toBeUndefined()
        const answer = body.end()
        expect(answer.bytes.equals(bytes)).toBe(true)
        expect(answer.value).toEqual(JSON.parse(text))
      }),
    )
  })

  it('may begin with a byte order mark, which clients take away', () => {
    const body = bodyOf()
    body.push(Buffer.from('\uFEFF{"a":1}'))
    expect(body.end()).toEqual({ bytes: Buffer.from('\uFEFF{"a":1}'), value: { a: 1 } })
  })

  it.each(['', ' ', '\r\n', '\uFEFF'])('that is %j is empty', (text) => {
    expect(endOf(text).condition).toBe('upstream_empty_response')
  })

  it.each(['{"a":', '<html>', '{"key":"canary-text"', 'data: {}', '[1', '{}{}', 'undefined'])(
    'that is %j is no answer, and is not quoted',
    (text) => {
      const error = endOf(text)
      expect(error.condition).toBe('upstream_bad_response')
      expect(String(error.cause)).not.toContain('canary')
    },
  )

  it('may have so many bytes, and no more', () => {
    const body = bodyOf(10)
    body.push(Buffer.from('"12345678"'))
    expect(thrownBy(() => body.push(Buffer.from(' '))).condition).toBe('upstream_bad_response')
    const exact = bodyOf(10)
    exact.push(Buffer.from('"12345678"'))
    expect(exact.end().value).toBe('12345678')
  })

  it.each([
    ['an error', { error: { message: 'canary-text', code: 429 } }, 'upstream_unavailable', 429],
    ['an error in words', { error: 'canary-text' }, 'upstream_rejected', 500],
    ['a type', { type: 'error', error: { type: 'api_error' } }, 'upstream_rejected', 500],
    ['an object', { object: 'error', code: 503 }, 'upstream_unavailable', 503],
    [
      'a list of answers',
      [{ candidates: [] }, { error: { code: 500, status: 'INTERNAL' } }],
      'upstream_rejected',
      500,
    ],
  ])('that tells its failure as %s is one', (_name, answer, condition, status) => {
    const error = endOf(JSON.stringify(answer))
    expect(error.condition).toBe(condition)
    expect(error.details).toEqual({ status_code: status })
    expect(String(error.cause)).not.toContain('canary')
  })

  it.each([
    { id: 'resp_1', object: 'response', status: 'failed', error: { code: 'server_error' } },
    { id: 'chatcmpl-1', error: null, choices: [] },
    { error: null },
    { error: false, choices: [] },
    { error: 0 },
    { error: '' },
    [{ id: 'batch_1', error: { code: 'x' } }],
  ])('that tells the error of something else is an answer: %j', (answer) => {
    const body = bodyOf()
    body.push(Buffer.from(JSON.stringify(answer)))
    expect(body.end().value).toEqual(answer)
  })
})
