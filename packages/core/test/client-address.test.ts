import { isIP } from 'node:net'
import {
  ConfigurationError,
  createClientAddressResolver,
  formatAddress,
  parseAddress,
} from '@lazu/core'
import type { ClientAddressResolver } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const proxies = ['10.0.0.0/8', '2001:db8:ffff::/48']

function ask(
  resolve: ClientAddressResolver,
  peer: string | undefined,
  forwardedFor: string | undefined,
): string | undefined {
  const address = resolve(peer, forwardedFor)
  return address && formatAddress(address)
}

/** The mistake in a value that came from a file and that no compiler has seen. */
function mistakeFor(trustProxies: unknown): ConfigurationError {
  const given: number = JSON.parse(JSON.stringify(trustProxies))
  return mistakeOf(() => createClientAddressResolver(given, 'trustProxies'))
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

function chain(length: number): string {
  return Array(length).fill('10.0.0.2').join(', ')
}

const junk = [
  '',
  ' ',
  'not-an-ip',
  'unknown',
  'unix:',
  '<script>',
  '010.0.0.1',
  '203.0.113.9:',
  '203.0.113.9:port',
  '203.0.113.9:123456',
  '203.0.113.9:65536',
  '203.0.113.9:-1',
  ':1234',
  '[2001:db8::1',
  '2001:db8::1]',
  '[2001:db8::1]443',
  '[2001:db8::1]:',
  '[2001:db8::1]:x',
  '[203.0.113.9]',
  '[]',
  '[',
  '"203.0.113.9"',
  'for=203.0.113.9',
  'fe80::1%eth0',
  '203.0.113.9 203.0.113.9',
  '203.0.113.9;',
  '\u00a0203.0.113.9',
  '1'.repeat(10_000),
  ' '.repeat(10_000),
]

describe('without trusted proxies', () => {
  const resolve = createClientAddressResolver(undefined, 'trustProxies')

  it('the client is the peer, whatever the header says', () => {
    expect(ask(resolve, '192.0.2.1', undefined)).toBe('192.0.2.1')
    expect(ask(resolve, '192.0.2.1', '10.0.0.1')).toBe('192.0.2.1')
    expect(ask(resolve, '192.0.2.1', '<script>')).toBe('192.0.2.1')
  })

  it('an IPv4 peer of a server that listens on :: is an IPv4 address', () => {
    expect(ask(resolve, '::ffff:192.0.2.1', undefined)).toBe('192.0.2.1')
  })

  it('the zone of a link-local peer is left out', () => {
    expect(ask(resolve, 'fe80::1%eth0', undefined)).toBe('fe80::1')
  })

  it('there is no address when the peer is gone or not one', () => {
    expect(ask(resolve, undefined, undefined)).toBeUndefined()
    expect(ask(resolve, undefined, '192.0.2.1')).toBeUndefined()
    expect(ask(resolve, '', undefined)).toBeUndefined()
    expect(ask(resolve, '%eth0', undefined)).toBeUndefined()
  })
})

describe('with a list of trusted networks', () => {
  const resolve = createClientAddressResolver(proxies, 'trustProxies')

  it('a peer outside them is the client, whatever it claims', () => {
    expect(ask(resolve, '192.0.2.1', '10.0.0.1')).toBe('192.0.2.1')
    expect(ask(resolve, '192.0.2.1', 'not-an-ip')).toBe('192.0.2.1')
  })

  it('the client is the first address from the right that is not trusted', () => {
    expect(ask(resolve, '10.0.0.1', '203.0.113.9')).toBe('203.0.113.9')
    expect(ask(resolve, '10.0.0.1', '192.0.2.1, 203.0.113.9')).toBe('203.0.113.9')
    expect(ask(resolve, '10.0.0.1', '192.0.2.1,203.0.113.9,10.0.0.2,10.0.0.3')).toBe('203.0.113.9')
    expect(ask(resolve, '::ffff:10.0.0.1', '203.0.113.9, ::ffff:a00:2')).toBe('203.0.113.9')
    expect(ask(resolve, '2001:db8:ffff::7', '2001:DB8::0009, 10.0.0.2')).toBe('2001:db8::9')
  })

  it('the client is the leftmost when all are trusted', () => {
    expect(ask(resolve, '10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3')
  })

  it('the client is the trusted peer itself when it sends no header', () => {
    expect(ask(resolve, '10.0.0.1', undefined)).toBe('10.0.0.1')
  })

  it('there is no address without a peer', () => {
    expect(ask(resolve, undefined, '203.0.113.9')).toBeUndefined()
    expect(ask(resolve, undefined, undefined)).toBeUndefined()
  })

  it.each(junk)('there is no address when the walk meets %j', (entry) => {
    expect(ask(resolve, '10.0.0.1', entry)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `203.0.113.9, ${entry}`)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `203.0.113.9,${entry},10.0.0.2`)).toBeUndefined()
  })

  it.each(junk)('%j to the left of the client does not matter', (entry) => {
    expect(ask(resolve, '10.0.0.1', `${entry},203.0.113.9`)).toBe('203.0.113.9')
  })

  it('a comma at either end makes an empty entry', () => {
    expect(ask(resolve, '10.0.0.1', '203.0.113.9,')).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', ',')).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', ',10.0.0.2')).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', ',203.0.113.9')).toBe('203.0.113.9')
  })

  it('32 entries are read and no more', () => {
    expect(ask(resolve, '10.0.0.1', chain(32))).toBe('10.0.0.2')
    expect(ask(resolve, '10.0.0.1', chain(33))).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `203.0.113.9, ${chain(31)}`)).toBe('203.0.113.9')
    expect(ask(resolve, '10.0.0.1', `203.0.113.9, ${chain(32)}`)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', chain(5_000))).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `${chain(5_000)}, 203.0.113.9`)).toBe('203.0.113.9')
  })
})

describe('an entry of the header', () => {
  const resolve = createClientAddressResolver(proxies, 'trustProxies')

  it.each([
    ['\t203.0.113.9', '203.0.113.9'],
    [' \t 203.0.113.9\t ', '203.0.113.9'],
    ['203.0.113.9:1234', '203.0.113.9'],
    ['203.0.113.9:0', '203.0.113.9'],
    ['203.0.113.9:65535 ', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:DB8:0::1]:443', '2001:db8::1'],
    ['[::ffff:203.0.113.9]:443', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::10.0.0.1', '::a00:1'],
  ])('%j is %s', (entry, canonical) => {
    expect(ask(resolve, '10.0.0.1', entry)).toBe(canonical)
    expect(ask(resolve, '10.0.0.1', `192.0.2.1,${entry},10.0.0.2`)).toBe(canonical)
  })
})

describe('an entry with its blanks', () => {
  it.each([proxies, 1])('is read up to 128 characters, with %j trusted', (trusted) => {
    const resolve = createClientAddressResolver(trusted, 'trustProxies')
    expect(ask(resolve, '10.0.0.1', '203.0.113.9'.padStart(128))).toBe('203.0.113.9')
    expect(ask(resolve, '10.0.0.1', `192.0.2.1,${'203.0.113.9'.padStart(128)}`)).toBe('203.0.113.9')
    expect(ask(resolve, '10.0.0.1', '203.0.113.9'.padStart(129))).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `192.0.2.1,${'203.0.113.9'.padEnd(129)}`)).toBeUndefined()
  })
})

describe('with a number of trusted hops', () => {
  it('the client is that entry from the right', () => {
    const header = '192.0.2.1, 198.51.100.1, 203.0.113.9:1234'
    const found = [1, 2, 3].map((hops) =>
      ask(createClientAddressResolver(hops, 'trustProxies'), '10.0.0.1', header),
    )
    expect(found).toEqual(['203.0.113.9', '198.51.100.1', '192.0.2.1'])
  })

  it('the client is the leftmost when there are fewer entries, the peer when there is no header', () => {
    const resolve = createClientAddressResolver(10, 'trustProxies')
    expect(ask(resolve, '10.0.0.1', '192.0.2.1, 203.0.113.9')).toBe('192.0.2.1')
    expect(ask(resolve, '10.0.0.1', undefined)).toBe('10.0.0.1')
  })

  it('works behind a unix socket, where there is no peer address', () => {
    const resolve = createClientAddressResolver(1, 'trustProxies')
    expect(ask(resolve, undefined, '192.0.2.1, 203.0.113.9')).toBe('203.0.113.9')
    expect(ask(resolve, undefined, undefined)).toBeUndefined()
  })

  it.each(junk)('there is no address when the walk meets %j', (entry) => {
    const resolve = createClientAddressResolver(2, 'trustProxies')
    expect(ask(resolve, '10.0.0.1', entry)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `203.0.113.9,${entry}`)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `${entry},203.0.113.9`)).toBeUndefined()
    expect(ask(resolve, '10.0.0.1', `${entry},198.51.100.1,203.0.113.9`)).toBe('198.51.100.1')
  })
})

describe('whatever a stranger sends', () => {
  const header = fc
    .array(
      fc.oneof(
        fc.constantFrom('10.0.0.2', ' 10.9.9.9:80', '[2001:db8:ffff::1]:443', ...junk),
        fc.ipV4(),
        fc.ipV6(),
        fc.string(),
      ),
      { maxLength: 40 },
    )
    .map((entries) => entries.join(','))

  it('the answer is an address in the header or the peer, or none', () => {
    const resolvers = [proxies, 1, 2, 10].map((trusted) =>
      createClientAddressResolver(trusted, 'trustProxies'),
    )
    fc.assert(
      fc.property(header, fc.constantFrom(...resolvers), (forwardedFor, resolve) => {
        const found = ask(resolve, '10.0.0.1', forwardedFor)
        if (found === undefined) return
        expect(isIP(found)).not.toBe(0)
        const entries = forwardedFor
          .split(',')
          .map((entry) => entry.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
        const bare = entries.flatMap((entry) => [
          entry,
          entry.slice(0, entry.lastIndexOf(':')),
          entry.slice(1, entry.lastIndexOf(']')),
        ])
        const possible = bare.flatMap((text) => parseAddress(text) ?? []).map(formatAddress)
        expect(possible).toContain(found)
      }),
      { numRuns: 1000 },
    )
  })

  it('what stands left of an untrusted entry changes nothing', () => {
    const resolve = createClientAddressResolver(proxies, 'trustProxies')
    fc.assert(
      fc.property(header, (claimed) => {
        expect(ask(resolve, '10.0.0.1', `${claimed},203.0.113.9, 10.0.0.2`)).toBe('203.0.113.9')
      }),
    )
  })
})

describe('a mistake in trustProxies', () => {
  it.each([0, -1, 1.5, 11, 1e308])('may be the number %d', (hops) => {
    const mistake = mistakeFor(hops)
    expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_INVALID_OPTION', path: 'trustProxies' })
    expect(mistake.message).toContain(`is ${hops}, `)
    expect(mistake.message).toContain('a whole number from 1 to 10')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('may be %d', (hops) => {
    const mistake = mistakeOf(() => createClientAddressResolver(hops, 'trustProxies'))
    expect(mistake.code).toBe('LAZU_CONFIG_INVALID_OPTION')
  })

  it.each([true, '*', 'all'])('may be %j, which would trust everybody', (given) => {
    const mistake = mistakeFor(given)
    expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_DANGEROUS', path: 'trustProxies' })
    expect(mistake.message).toContain('lets anybody choose their own address')
  })

  it.each([false, null, '', 'loopback', '10.0.0.0/8', '1', {}])('may be %j', (given) => {
    const mistake = mistakeFor(given)
    expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_INVALID_OPTION', path: 'trustProxies' })
    expect(mistake.message).toContain('["10.0.0.0/8"]')
  })

  it.each(['*', 'all', 'loopback', '10.0.0.0/33', '10.0.0.1/8', 1, true])(
    'may be %j in the list',
    (rule) => {
      const mistake = mistakeFor(['10.0.0.0/8', rule])
      expect(mistake).toMatchObject({
        code: 'LAZU_CONFIG_INVALID_NETWORK',
        path: 'trustProxies[1]',
      })
    },
  )

  it('may be an empty list', () => {
    const mistake = mistakeFor([])
    expect(mistake).toMatchObject({ code: 'LAZU_CONFIG_INVALID_NETWORK', path: 'trustProxies' })
    expect(mistake.message).toContain('leave the option out to trust nobody')
  })

  it.each([
    [['0.0.0.0/0'], 'trustProxies[0]'],
    [['10.0.0.0/8', '::/0'], 'trustProxies[1]'],
    [['0.0.0.0/1', '128.0.0.0/1'], 'trustProxies'],
    [['::ffff:10.0.0.0/8'], 'trustProxies[0]'],
  ])('may be %j, the whole internet', (rules, path) => {
    expect(mistakeFor(rules)).toMatchObject({ code: 'LAZU_CONFIG_DANGEROUS', path })
  })

  it('is told why nobody may trust everybody, and of no way around', () => {
    for (const rules of [['0.0.0.0/0'], ['::/1', '8000::/1']]) {
      const { message } = mistakeFor(rules)
      expect(message).toContain('lets anybody choose their own address')
      expect(message).not.toContain('allowAll')
    }
  })
})
