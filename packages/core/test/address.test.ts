import { isIP } from 'node:net'
import { addressGroup, formatAddress, parseAddress } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

function singly(characters: string): string[] {
  return characters.split('')
}

function groupOf(text: string): string | undefined {
  const address = parseAddress(text)
  return address && addressGroup(address)
}

const group = fc.oneof(
  fc.constantFrom('0', '1', '00ff', 'FFFF', 'ffff', '0000', '00000', ''),
  fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16)),
)
const octet = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map(String),
  fc.constantFrom('0', '00', '01', '256', '300', '1000', '', '0x1', '-1', '1e1'),
)
const dottedQuad = fc.array(octet, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.'))

/** Near enough to IPv6 to be right often and wrong often: up to nine groups, `::` and a tail. */
const looksLikeVersion6 = fc
  .tuple(
    fc.array(group, { maxLength: 9 }),
    fc.constantFrom('', '::', ':', ':::'),
    fc.array(group, { maxLength: 8 }),
    fc.oneof(fc.constant(''), dottedQuad),
  )
  .map(([left, middle, right, tail]) => {
    const end = tail === '' ? right : [...right, tail]
    return `${left.join(':')}${middle}${end.join(':')}`
  })

const mutated = fc
  .tuple(
    fc.oneof(fc.ipV4(), fc.ipV6(), dottedQuad, looksLikeVersion6),
    fc.nat({ max: 50 }),
    fc.nat({ max: 2 }),
    fc.constantFrom('::', ':ffff:', '.0', ...singly('019afAFgxG:.-+/[] \t\n\u0000é１')),
  )
  .map(([text, position, removed, inserted]) => {
    const at = position % (text.length + 1)
    return text.slice(0, at) + inserted + text.slice(at + removed)
  })

const anyText = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  dottedQuad,
  looksLikeVersion6,
  mutated,
  fc.string(),
  fc.string({ unit: fc.constantFrom(...singly('01af:.')), maxLength: 20 }),
)

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffff0000, 0xffffffff),
)
const words = fc
  .tuple(word, word, word, word)
  .filter(([first, second, third]) => first !== 0 || second !== 0 || third !== 0xffff)

function formatted(text: string): string | undefined {
  const address = parseAddress(text)
  return address && formatAddress(address)
}

describe('parsing an address', () => {
  it('accepts what node:net accepts and nothing else', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(!text.includes('%'))
        expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0)
      }),
      { numRuns: 5000 },
    )
  })

  it('reads the four octets of a dotted quad into one unsigned number', () => {
    expect(parseAddress('10.0.0.1')).toEqual({ family: 4, value: 0x0a000001 })
    expect(parseAddress('255.255.255.255')).toEqual({ family: 4, value: 0xffffffff })
    fc.assert(
      fc.property(word, (value) => {
        const text = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
        expect(parseAddress(text)).toEqual({ family: 4, value })
      }),
    )
  })

  it('reads IPv6 into four unsigned numbers, wherever the zeros are left out', () => {
    expect(parseAddress('::')).toEqual({ family: 6, words: [0, 0, 0, 0] })
    expect(parseAddress('FFFF::')).toEqual({ family: 6, words: [0xffff0000, 0, 0, 0] })
    expect(parseAddress('2001:db8::8000:1')).toEqual({
      family: 6,
      words: [0x20010db8, 0, 0, 0x80000001],
    })
    expect(parseAddress('1:2:3:4:5:6:7::')).toEqual({
      family: 6,
      words: [0x10002, 0x30004, 0x50006, 0x70000],
    })
  })

  it.each([
    '::ffff:10.0.0.1',
    '::FFFF:10.0.0.1',
    '::ffff:a00:1',
    '::ffff:0a00:0001',
    '0:0:0:0:0:ffff:a00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
    '0000:0000:0000:0000:0000:ffff:10.0.0.1',
    '0::ffff:10.0.0.1',
    '0:0::0:ffff:10.0.0.1',
  ])('takes the IPv4-mapped %s for 10.0.0.1', (text) => {
    expect(parseAddress(text)).toEqual({ family: 4, value: 0x0a000001 })
  })

  it.each([
    '::10.0.0.1',
    '::a00:1',
    '2001:db8::10.0.0.1',
    '64:ff9b::10.0.0.1',
    '::ffff:0:10.0.0.1',
  ])('leaves %s the IPv6 address it is', (text) => {
    expect(parseAddress(text)).toMatchObject({ family: 6 })
  })

  it.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1\n',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.1',
    '167772161',
    '10.0.0.256',
    '10.0.0.0/8',
    'fe80::1%eth0',
    '::1%1',
    '10.0.0.1%eth0',
    '[::1]',
    '::ffff:010.0.0.1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:10.0.0.1',
    '1::2:3:4:5:6:7:8',
    '1::2:3:4:5:6:10.0.0.1',
    '1::2:3:4:5:6:7:10.0.0.1',
    '::10.0.0.1:1',
    '1::2::3',
    ':::',
    ':1::2',
    '1::2:',
    '::00001',
    'not-an-ip',
    '<script>',
    '１.２.３.４',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it('refuses a text longer than any address, and takes the longest there is', () => {
    expect(parseAddress('ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255')).toBeDefined()
    expect(parseAddress(`${'0'.repeat(10_000)}::1`)).toBeUndefined()
    expect(parseAddress('::'.repeat(5_000))).toBeUndefined()
  })

  it('keeps nothing of one address for the next', () => {
    parseAddress('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
    parseAddress('ffff:ffff:ffff:junk')
    expect(parseAddress('1::2')).toEqual({ family: 6, words: [0x10000, 0, 0, 2] })
  })
})

describe('formatting an address', () => {
  it('gives back the address it was made from', () => {
    const addresses = fc.oneof(
      word.map((value) => ({ family: 4 as const, value })),
      words.map((four) => ({ family: 6 as const, words: four })),
    )
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address)
      }),
      { numRuns: 1000 },
    )
  })

  it('writes IPv6 as a URL does, which is RFC 5952', () => {
    const sparse = fc
      .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
        minLength: 8,
        maxLength: 8,
      })
      .map((groups) => groups.map((value) => value.toString(16).padStart(4, '0')).join(':'))
      .filter((text) => parseAddress(text)?.family === 6)
    fc.assert(
      fc.property(sparse, (text) => {
        expect(`[${formatted(text)}]`).toBe(new URL(`http://[${text}]/`).hostname)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['2001:DB8:0:0:0::0001', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:0:0:2:0:0:0:4', '1:0:0:2::4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::10.0.0.1', '::a00:1'],
    ['0.0.0.0', '0.0.0.0'],
  ])('writes %s as %s', (given, canonical) => {
    expect(formatted(given)).toBe(canonical)
  })
})

describe('the group of an address', () => {
  it('is the address itself for IPv4, mapped or not', () => {
    expect(groupOf('203.0.113.9')).toBe('203.0.113.9')
    expect(groupOf('::ffff:203.0.113.9')).toBe('203.0.113.9')
  })

  it('is the /64 for IPv6', () => {
    expect(groupOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(groupOf('2001:db8::1')).toBe('2001:db8::/64')
  })

  it('is the same for two IPv6 addresses exactly when their first 64 bits are', () => {
    const half = fc.tuple(word, word)
    fc.assert(
      fc.property(half, half, half, fc.boolean(), (network, host, otherHost, same) => {
        const one = { family: 6, words: [...network, ...host] } as const
        const otherNetwork = same ? network : ([network[0], (network[1] ^ 1) >>> 0] as const)
        const other = { family: 6, words: [...otherNetwork, ...otherHost] } as const
        expect(addressGroup(one) === addressGroup(other)).toBe(same)
      }),
    )
  })
})
