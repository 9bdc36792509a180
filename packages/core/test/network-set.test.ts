import { BlockList } from 'node:net'
import { ConfigurationError, createNetworkSet, formatAddress, parseAddress } from '@lazu/core'
import type { Address, NetworkSet } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

function holds(set: NetworkSet, text: string): boolean {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return set.has(address)
}

function mistakeOf(build: () => unknown): ConfigurationError {
  try {
    build()
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function mistakeIn(rule: unknown): ConfigurationError {
  const rules: string[] = JSON.parse(JSON.stringify(['192.0.2.1', '192.0.2.2', rule]))
  return mistakeOf(() => createNetworkSet(rules, 'allow'))
}

/** The address of `bits` (32 or 128) whose value is `value`. */
function addressOf(value: bigint, bits: 32 | 128): Address {
  if (bits === 32) return { family: 4, value: Number(value) }
  const [first = 0, second = 0, third = 0, fourth = 0] = [96n, 64n, 32n, 0n].map((shift) =>
    Number((value >> shift) & 0xffffffffn),
  )
  return { family: 6, words: [first, second, third, fourth] }
}

/** Networks close together, so that they overlap, touch and leave gaps. */
function crowdedNetworks(bits: 32 | 128): fc.Arbitrary<{ base: bigint; prefix: number }> {
  const top = bits === 32 ? 0x0a000000n : 0x20010db8_00000000_00000000_00000000n
  return fc
    .tuple(fc.integer({ min: bits - 12, max: bits }), fc.bigInt({ min: 0n, max: 0xfffn }))
    .map(([prefix, offset]) => {
      const host = BigInt(bits - prefix)
      // The upper of the two words must matter as well as the lower.
      const spread = bits === 128 ? (offset & 3n) << 64n : 0n
      return { base: (((top | spread) + offset) >> host) << host, prefix }
    })
}

describe('a set of networks', () => {
  it('holds the addresses of its networks and no others', () => {
    const set = createNetworkSet(['10.0.0.0/8', '203.0.113.9', '2001:db8::/33', '::1'], 'allow')
    const inside = [
      '10.0.0.0',
      '10.255.255.255',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      '0:0:0:0:0:ffff:a00:1',
      '203.0.113.9',
      '2001:db8::',
      '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff',
      '::1',
    ]
    expect(inside.filter((text) => !holds(set, text))).toEqual([])
    const outside = [
      '9.255.255.255',
      '11.0.0.0',
      '0.0.0.0',
      '255.255.255.255',
      '203.0.113.8',
      '203.0.113.10',
      '::',
      '::2',
      '::10.0.0.1',
      '2001:db9::10.0.0.1',
      '2001:db8:8000::',
      '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    ]
    expect(outside.filter((text) => holds(set, text))).toEqual([])
  })

  it('holds nothing of the other family', () => {
    expect(holds(createNetworkSet(['::/1'], 'allow'), '10.0.0.1')).toBe(false)
    expect(holds(createNetworkSet(['0.0.0.0/1'], 'allow'), '::1')).toBe(false)
  })

  it('takes the prefix of IPv4-mapped addresses from 96 on for the IPv4 network', () => {
    const set = createNetworkSet(['::ffff:10.0.0.0/104', '::ffff:192.0.2.1/128'], 'allow')
    expect(holds(set, '10.255.0.1')).toBe(true)
    expect(holds(set, '11.0.0.0')).toBe(false)
    expect(holds(set, '192.0.2.1')).toBe(true)
    expect(holds(set, '192.0.2.2')).toBe(false)
    expect(holds(createNetworkSet(['::ffff:192.0.2.7'], 'allow'), '192.0.2.7')).toBe(true)
  })

  it.each([32, 128] as const)('agrees with node:net on networks of %i bits', (bits) => {
    const family = bits === 32 ? 'ipv4' : 'ipv6'
    const networks = fc.array(crowdedNetworks(bits), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(networks, (list) => {
        const oracle = new BlockList()
        const rules = list.map(({ base, prefix }) => {
          const text = formatAddress(addressOf(base, bits))
          oracle.addSubnet(text, prefix, family)
          return `${text}/${prefix}`
        })
        const set = createNetworkSet(rules, 'allow')
        for (const { base, prefix } of list) {
          const end = base + (1n << BigInt(bits - prefix))
          for (const value of [base - 1n, base, base + 1n, end - 1n, end, end + 1n]) {
            const address = addressOf(value, bits)
            const text = formatAddress(address)
            expect([text, set.has(address)]).toEqual([text, oracle.check(text, family)])
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('finds its way among 10,000 networks', () => {
    const rules = Array.from(
      { length: 10_000 },
      (_, index) => `10.${index >> 7}.${(index & 127) * 2}.0/24`,
    )
    const set = createNetworkSet(rules, 'allow')
    const wrong: string[] = []
    for (let index = 0; index < 10_000; index++) {
      const third = (index & 127) * 2
      const inside = `10.${index >> 7}.${third}.77`
      const outside = `10.${index >> 7}.${third + 1}.77`
      if (!holds(set, inside)) wrong.push(inside)
      if (holds(set, outside)) wrong.push(outside)
    }
    expect(wrong).toEqual([])
  })
})

describe('a mistake in a list of networks', () => {
  it.each([
    ['10.0.0.0/33', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/-1', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/8/8', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/ 8', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/1e1', 'a prefix of an IPv4 network is 0 to 32'],
    ['10.0.0.0/255.0.0.0', 'a prefix of an IPv4 network is 0 to 32'],
    ['2001:db8::/129', 'a prefix of an IPv6 network is 0 to 128'],
    ['::ffff:10.0.0.0/129', 'a prefix of an IPv6 network is 0 to 128'],
    ['10.0.0.0/08', 'Write "10.0.0.0/8".'],
    ['10.0.0.1/8', 'Write "10.0.0.0/8" for the network, or "10.0.0.1" for the one address.'],
    ['255.255.255.255/1', 'Write "128.0.0.0/1" for the network'],
    ['2001:db8::1/32', 'Write "2001:db8::/32" for the network, or "2001:db8::1" for'],
    ['::ffff:10.0.0.1/104', 'Write "10.0.0.0/8" for the network, or "10.0.0.1" for'],
    ['*', 'no address and no network'],
    ['', 'no address and no network'],
    ['all', 'no address and no network'],
    ['/8', 'no address and no network'],
    ['10.0.0.0 /8', 'no address and no network'],
    ['10.0.0.0-10.0.0.9', 'no address and no network'],
    ['010.0.0.0/8', 'no address and no network'],
    ['10/8', 'no address and no network'],
    ['fe80::1%eth0', 'no address and no network'],
    ['example.com', 'no address and no network'],
  ])('names the rule %j and says what would be right', (rule, advice) => {
    const mistake = mistakeIn(rule)
    expect(mistake.code).toBe('LAZU_CONFIG_INVALID_NETWORK')
    expect(mistake.path).toBe('allow[2]')
    expect(mistake.message).toContain(`allow[2] is ${JSON.stringify(rule)}`)
    expect(mistake.message).toContain(advice)
  })

  it.each([null, 10, true, {}, ['10.0.0.0/8']])('may be %j, which is not a text', (rule) => {
    const mistake = mistakeIn(rule)
    expect(mistake.code).toBe('LAZU_CONFIG_INVALID_NETWORK')
    expect(mistake.message).toMatch(/allow\[2\] is \w+, not a text/)
  })

  it('is shown shortened when it is long', () => {
    expect(mistakeIn('9'.repeat(100_000)).message.length).toBeLessThan(300)
  })

  it('may be a list that is empty or none', () => {
    const empty = mistakeOf(() => createNetworkSet([], 'allow'))
    expect(empty).toMatchObject({ code: 'LAZU_CONFIG_INVALID_NETWORK', path: 'allow' })
    const text: string[] = JSON.parse('"10.0.0.0/8"')
    const none = mistakeOf(() => createNetworkSet(text, 'allow'))
    expect(none).toMatchObject({ code: 'LAZU_CONFIG_INVALID_NETWORK', path: 'allow' })
  })

  it.each(['::ffff:10.0.0.0/8', '::ffff:10.0.0.0/95', '::ffff:0:0/0'])(
    'may be %s, which other readers take for every address, even when all are allowed',
    (rule) => {
      for (const allowAll of [false, true]) {
        const mistake = mistakeOf(() => createNetworkSet([rule], 'allow', { allowAll }))
        expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_DANGEROUS', path: 'allow[0]' })
        expect(mistake.message).toContain(rule)
      }
    },
  )

  it.each(['0.0.0.0/0', '::/0', '10.0.0.1/0', '2001:db8::/0', '::ffff:0.0.0.0/96'])(
    'is %s, unless all are allowed',
    (rule) => {
      const mistake = mistakeIn(rule)
      expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_DANGEROUS', path: 'allow[2]' })
      expect(mistake.message).toContain(`${rule}"`)
      expect(mistake.message).toContain('Set `allowAll: true` if everybody may really come in.')
    },
  )

  it.each([
    [['0.0.0.0/1', '128.0.0.0/1'], 'IPv4'],
    [['128.0.0.0/2', '0.0.0.0/1', '10.0.0.0/8', '192.0.0.0/2'], 'IPv4'],
    [['8000::/1', '::/1'], 'IPv6'],
    [['::/2', '10.0.0.0/8', '4000::/2', '8000::/1'], 'IPv6'],
  ])('is %j, which together leave nobody out of %s', (rules, family) => {
    const mistake = mistakeOf(() => createNetworkSet(rules, 'allow'))
    expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_DANGEROUS', path: 'allow' })
    expect(mistake.message).toContain(family)
    expect(() => createNetworkSet(rules, 'allow', { allowAll: true })).not.toThrow()
  })

  it('is not a list that leaves one address out', () => {
    const everyOther = Array.from({ length: 32 }, (_, ones) => {
      const value = ones === 0 ? 0 : (0xffffffff << (32 - ones)) >>> 0
      return `${formatAddress({ family: 4, value })}/${ones + 1}`
    })
    const set = createNetworkSet(everyOther, 'allow')
    expect(holds(set, '255.255.255.254')).toBe(true)
    expect(holds(set, '255.255.255.255')).toBe(false)
    const all = [...everyOther, '255.255.255.255']
    expect(mistakeOf(() => createNetworkSet(all, 'allow')).code).toBe('LAZU_CONFIG_DANGEROUS')
  })
})

describe('a set in which all are allowed', () => {
  it('holds every address of the families it names', () => {
    const version4 = createNetworkSet(['0.0.0.0/0'], 'allow', { allowAll: true })
    for (const text of ['0.0.0.0', '10.0.0.1', '255.255.255.255']) {
      expect(holds(version4, text)).toBe(true)
    }
    expect(holds(version4, '::1')).toBe(false)
    const both = createNetworkSet(['0.0.0.0/0', '::/0'], 'allow', { allowAll: true })
    for (const text of ['0.0.0.0', '255.255.255.255', '::', 'ffff::', '::ffff:10.0.0.1']) {
      expect(holds(both, text)).toBe(true)
    }
  })

  it('still refuses a rule that is wrong', () => {
    const mistake = mistakeOf(() => createNetworkSet(['10.0.0.1/0'], 'allow', { allowAll: true }))
    expect(mistake.code).toBe('LAZU_CONFIG_INVALID_NETWORK')
    expect(mistake.message).toContain('"0.0.0.0/0"')
  })
})
