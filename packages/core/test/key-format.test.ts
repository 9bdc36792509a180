import {
  ConfigurationError,
  createDigester,
  digestsEqual,
  generateKey,
  keyForm,
  shownForm,
} from '@lazu/core'
import * as fc from 'fast-check'
import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'

const prefix = 'sk-lazu-'
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.split('')
const prefixes = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/)

describe('a new key', () => {
  it('is the prefix and 38 base62 characters, and of our form', () => {
    fc.assert(
      fc.property(prefixes, (anyPrefix) => {
        const key = generateKey(anyPrefix)
        expect(key.startsWith(anyPrefix)).toBe(true)
        expect(key.slice(anyPrefix.length)).toMatch(/^[0-9A-Za-z]{38}$/)
        expect(keyForm(key, anyPrefix)).toBe('ours')
      }),
    )
  })

  it('is a different one each time', () => {
    expect(new Set(Array.from({ length: 1000 }, () => generateKey(prefix))).size).toBe(1000)
  })

  it('has all 62 characters about equally often in its secret', () => {
    const keys = 3000
    const counts = new Map(base62.map((character) => [character, 0]))
    for (let index = 0; index < keys; index++) {
      for (const character of generateKey(prefix).slice(prefix.length, prefix.length + 32)) {
        counts.set(character, (counts.get(character) ?? 0) + 1)
      }
    }
    // 61 degrees of freedom: more than 160 comes up once in 10^10 runs. Bytes taken modulo 62
    // without rejection would give some 2,200, modulo 64 into 62 far more.
    const expected = (keys * 32) / 62
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    )
    expect(counts.size).toBe(62)
    expect(chiSquare).toBeLessThan(160)
  })

  it('is refused with any one letter or digit changed, in the prefix whatever the character', () => {
    const visible = fc.integer({ min: 0x21, max: 0x7e })
    fc.assert(
      fc.property(
        fc.nat(45),
        fc.oneof(visible, fc.integer({ min: 0, max: 0xffff })),
        (at, code) => {
          const key = generateKey(prefix)
          const character = String.fromCharCode(code)
          fc.pre(key[at] !== character)
          const changed = key.slice(0, at) + character + key.slice(at + 1)
          // A key made elsewhere may have a dash there.
          const isForeign = at >= prefix.length && /^[!-~]$/.test(character) && !isBase62(character)
          expect(keyForm(changed, prefix)).toBe(isForeign ? 'foreign' : 'malformed')
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is refused when something was added', () => {
    const key = generateKey(prefix)
    for (const added of ['x', '-', '"', key, 'x'.repeat(466)]) {
      expect(keyForm(key + added, prefix)).toBe('malformed')
    }
    expect(keyForm(`${key}\0`, prefix)).toBe('malformed')
  })

  it('is refused when nearly all or next to nothing of it is left, and is a foreign key between', () => {
    const key = generateKey(prefix)
    for (let length = 0; length < key.length; length++) {
      const isRest = length === 0 || (length >= prefix.length && length < 16)
      const expected = isRest || length >= key.length - 2
      expect(keyForm(key.slice(0, length), prefix)).toBe(expected ? 'malformed' : 'foreign')
    }
  })

  it('is refused when two neighbours are swapped', () => {
    const key = generateKey(prefix)
    const neighbours = Array.from({ length: 37 }, (_, index) => prefix.length + index)
    const swapped = neighbours.map(
      (at) => key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2),
    )
    const forms = swapped.filter((text) => text !== key).map((text) => keyForm(text, prefix))
    expect(new Set(forms)).toEqual(new Set(['malformed']))
  })

  it('is a foreign key where the prefix is another', () => {
    expect(keyForm(generateKey('sk-old-x-'), prefix)).toBe('foreign')
    expect(keyForm(generateKey('sk-lazy-'), prefix)).toBe('foreign')
  })

  it('is a foreign key where the prefix is the beginning of its own', () => {
    for (const shorter of ['s', 'sk', 'sk-', 'sk-lazu']) {
      expect(keyForm(generateKey(prefix), shorter)).toBe('foreign')
    }
    for (const longer of ['sk-lazu-a', 'sk-lazu-prod-']) {
      expect(keyForm(generateKey(longer), prefix)).toBe('foreign')
      expect(keyForm(generateKey(prefix), longer)).toBe('foreign')
    }
  })
})

describe('the form of a string', () => {
  const elsewhere = [
    'sk-lazu-0123456789abcdef',
    'sk-lazu-proj-T3BlbkFJ_0123456789',
    `sk-lazu-${'0123456789'.repeat(5)}`,
    // As long as a key made here, and with what none of those has in it.
    `sk-lazu-proj_${'a'.repeat(33)}`,
  ]
  it.each(['__proto__', '%', '*', "'--", '%s%n', 'sk-lazu', 'x'.repeat(512), '~!', ...elsewhere])(
    'takes %j for a key that may have been made elsewhere',
    (text) => {
      expect(keyForm(text, prefix)).toBe('foreign')
    },
  )

  it.each([
    ['nothing', ''],
    ['513 characters', 'x'.repeat(513)],
    ['15 kB', 'x'.repeat(15_000)],
    ['a space', 'some key'],
    ['a tab', 'some\tkey'],
    ['a NUL', 'some-key\0'],
    ['DEL', 'some-key\x7f'],
    ['latin-1', 'some-k\xe9y'],
    ['a zero-width space', 'some-\u200bkey'],
    ['full-width letters', 'ｓｏｍｅ－ｋｅｙ'],
    ['half a surrogate pair', 'some-key\ud800'],
    ['the prefix alone', 'sk-lazu-'],
    ['the prefix and anything', 'sk-lazu-%'],
  ])('refuses %s', (_, text) => {
    expect(keyForm(text, prefix)).toBe('malformed')
  })

  it('is told for any string whatever, without an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const isPlain = /^[\x21-\x7e]{1,512}$/.test(text)
        const isRest = text.startsWith(prefix) && text.length < 16
        expect(keyForm(text, prefix)).toBe(isPlain && !isRest ? 'foreign' : 'malformed')
      }),
    )
  })
})

describe('what people are shown', () => {
  it('is the prefix and the last four characters of a key of ours', () => {
    const key = generateKey(prefix)
    expect(shownForm(key, prefix)).toBe(`sk-lazu-…${key.slice(-4)}`)
  })

  it('is the last four characters of a foreign key, and nothing of a short one', () => {
    expect(shownForm('sk-other-0123456789', prefix)).toBe('…6789')
    expect(shownForm('0123456789ab', prefix)).toBe('…89ab')
    expect(shownForm('0123456789a', prefix)).toBe('…')
    expect(shownForm('', prefix)).toBe('…')
  })

  it('is nothing of a malformed key, which may hold anything', () => {
    expect(shownForm('0123456789ab\r\n', prefix)).toBe('…')
    expect(shownForm(`${generateKey(prefix)}x`, prefix)).toBe('…')
  })
})

function isBase62(character: string): boolean {
  return base62.includes(character)
}

function hmac(pepper: string): string {
  return createHmac('sha256', pepper).update('a secret').digest('hex')
}

describe('a digest', () => {
  const current = 'the current pepper'
  const previous = 'the pepper before it'

  it('is SHA-256 without a pepper', () => {
    const digester = createDigester([])
    const expected = createHash('sha256').update('a secret').digest('hex')
    expect(digester.digest('a secret')).toBe(expected)
    expect(digester.candidates('a secret')).toEqual([expected])
  })

  it('is HMAC-SHA-256 with a pepper, and a key is looked for by both peppers', () => {
    expect(createDigester([current]).candidates('a secret')).toEqual([hmac(current)])
    const digester = createDigester([current, previous])
    expect(digester.digest('a secret')).toBe(hmac(current))
    expect(digester.candidates('a secret')).toEqual([hmac(current), hmac(previous)])
  })

  it('needs peppers of 16 characters, two at most, and shows none of them', () => {
    expect(() => createDigester(['0123456789abcde'], 'peppers')).toThrow(ConfigurationError)
    expect(() => createDigester([current, 'too short'], 'peppers')).toThrow(
      /^LAZU_CONFIG_INVALID_OPTION: peppers\[1\] is not a string of at least 16 characters(?!.*too)/,
    )
    expect(() => createDigester([current, previous, 'one too many, is it'])).toThrow(
      ConfigurationError,
    )
  })

  it('is compared without an exception, whatever the lengths', () => {
    expect(digestsEqual('abc', 'abc')).toBe(true)
    expect(digestsEqual('abc', 'abd')).toBe(false)
    expect(digestsEqual('abc', 'ab')).toBe(false)
    expect(digestsEqual('', 'abc')).toBe(false)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        expect(digestsEqual(left, right)).toBe(left === right)
      }),
    )
  })
})
