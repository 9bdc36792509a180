import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonOutline } from '../dist/event-stream/json-outline.js'
import { cutAt } from './read-stream.js'

/** What an outline holds of a value, at a depth. */
function outlined(value: unknown, depth = 1): unknown {
  if (typeof value === 'string') return JSON.stringify(value).length - 2 > 256 ? '...' : value
  if (typeof value !== 'object' || value === null) return value
  if (depth > 4) return null
  if (Array.isArray(value)) return value.map((item) => outlined(item, depth + 1))
  const entries = Object.entries(value).map(([name, item]) => [name, outlined(item, depth + 1)])
  return Object.fromEntries(entries)
}

function outlineOf(text: string, places: readonly number[] = []): JsonOutline {
  const outline = new JsonOutline()
  for (const piece of cutAt(Buffer.from(text), places)) outline.push(piece)
  return outline
}

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '{', ']', ','), maxLength: 20 }),
  fc.constantFrom(
    'x'.repeat(256),
    'x'.repeat(257),
    '\\'.repeat(200),
    `${'"'.repeat(300)}\\`,
    `${'x'.repeat(300)}\nx`,
  ),
)
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 7 },
    fc.oneof(texts, fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null)),
    fc.constant([[[[[[{ a: [] }, 1], 'x']]]]]),
    fc.array(tie('document'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b"', 'c\\', 'usage'), tie('document'), { maxKeys: 2 }),
  ),
}))
const spaces = fc.constantFrom(undefined, 1)
const places = fc.array(fc.nat(), { maxLength: 8 })

describe('the outline of a JSON document', () => {
  it('holds its upper levels and its short texts, wherever it is cut', () => {
    fc.assert(
      fc.property(texts, document, spaces, places, (first, value, space, cuts) => {
        const text = JSON.stringify({ first, value }, undefined, space)
        const expected = outlined(JSON.parse(text))
        const outline = outlineOf(text, cuts)
        expect(outline.whole()).toEqual(expected)
        expect(outline.soFar()).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('of a document that has not ended holds the members that are whole', () => {
    const text = '{"type":"a","list":[1,{"b":"c"},"d"],"last":5}'
    const seen = Array.from(text, (_, length) => outlineOf(text.slice(0, length)).soFar())
    expect(seen.slice(0, text.indexOf(','))).toEqual(
      Array.from({ length: text.indexOf(',') }, () => undefined),
    )
    expect(outlineOf(text.slice(0, text.indexOf(',') + 1)).soFar()).toEqual({ type: 'a' })
    expect(outlineOf(text.slice(0, text.indexOf('"d"'))).soFar()).toEqual({
      type: 'a',
      list: [1, { b: 'c' }],
    })
    for (let length = 0; length < text.length; length++) {
      expect(outlineOf(text.slice(0, length)).whole()).toBeUndefined()
    }
  })

  it.each(['', 'x', '{', '}', '{"a":}', '{"a" 1}', '[1,]', '{}{}', '"a', "{'a':1}", ']]]]['])(
    'is none of %j',
    (text) => {
      expect(outlineOf(text).whole()).toBeUndefined()
    },
  )

  it('is bounded, and says so', () => {
    const outline = new JsonOutline()
    outline.push(Buffer.from('{"type":"a","list":['))
    for (let count = 0; count < 100; count++) outline.push(Buffer.from('1234567,'.repeat(1_000)))
    expect(outline.isFull).toBe(true)
    expect(outline.soFar()).toMatchObject({ type: 'a' })
    expect(JSON.stringify(outline.soFar()).length).toBeLessThan(131_072)
  })
})
