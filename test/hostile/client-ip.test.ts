import type { Socket } from 'node:net'
import { ConfigurationError, generateKey } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Answer } from './raw-client.js'
import { harnesses, targetsOn, type Target, type TargetOptions } from './target.js'

const allow = ['10.0.0.0/8']
const untrusting: TargetOptions = { gateway: { allow } }
const trusting: TargetOptions = { gateway: { allow, trustProxies: ['127.0.0.0/8'] } }

/** Connections that are made from now on look as if they came from there. */
async function connectFrom(target: Target, address: string | undefined): Promise<void> {
  const server = await target.server()
  server.on('connection', (socket: Socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: address })
  })
}

function forwarded(target: Target, ...lines: string[]): Promise<Answer> {
  const own = lines.map((line) => (/^[\w-]+: /.test(line) ? line : `X-Forwarded-For: ${line}`))
  return target.rawOne(target.bytes([`Authorization: Bearer ${target.key}`, ...own]))
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}

describe.each(harnesses)('hostile addresses on $name', (harness) => {
  const start = targetsOn(harness)

  it.each([
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For: 10.0.0.1, 10.0.0.2',
    'Forwarded: for=10.0.0.1',
    'X-Real-IP: 10.0.0.1',
    'X-Client-IP: 10.0.0.1',
    'Client-IP: 10.0.0.1',
    'CF-Connecting-IP: 10.0.0.1',
    'True-Client-IP: 10.0.0.1',
    'Fastly-Client-IP: 10.0.0.1',
    'X-Cluster-Client-IP: 10.0.0.1',
    'X-Forwarded: 10.0.0.1',
    'X_Forwarded_For: 10.0.0.1',
    'X-Forwarded-Host: 10.0.0.1',
    'Host: 10.0.0.1',
  ])('believes nobody about who they are, and few headers of proxies: %s', async (line) => {
    const target = await start(untrusting)
    target.expectRefused(await forwarded(target, line), 403, 'ip_not_allowed')
    if (line.startsWith('X-Forwarded-For')) return
    const behindProxy = await start(trusting)
    behindProxy.expectRefused(await forwarded(behindProxy, line), 403, 'ip_not_allowed')
  })

  it('says nothing of addresses to who has no key', async () => {
    const target = await start(untrusting)
    target.expectRefused(await target.send({ key: null }), 401, 'invalid_api_key')
    const key = generateKey('sk-lazu-')
    target.expectRefused(await target.send({ key }), 401, 'invalid_api_key')
  })

  it.each([
    '10.0.0.1',
    '10.255.255.255',
    '\t10.0.0.1',
    ' \t 10.0.0.1 \t ',
    '10.0.0.1:1234',
    '10.0.0.1:65535',
    '::ffff:10.0.0.1',
    '::FFFF:10.0.0.1',
    '::ffff:a00:1',
    '0:0:0:0:0:ffff:a00:1',
    '0000:0000:0000:0000:0000:ffff:0a00:0001',
    '[::ffff:10.0.0.1]',
    '[::ffff:10.0.0.1]:443',
    'not-an-ip, 10.0.0.1',
    '8.8.8.8,10.0.0.1',
    ',,,10.0.0.1',
    '10.0.0.1, 127.0.0.1',
    '10.0.0.1,127.0.0.1,127.1.2.3',
    '10.0.0.1, ::ffff:127.0.0.1',
    `${'9.9.9.9, '.repeat(1_000)}10.0.0.1`,
  ])('lets in %j behind a trusted proxy', async (header) => {
    const target = await start(trusting)
    target.expectPassed(await forwarded(target, header))
  })

  it.each([
    '203.0.113.9',
    '9.255.255.255',
    '11.0.0.0',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    '::10.0.0.1',
    '::a00:1',
    '2001:db8::10.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::',
    '::ffff:0:10.0.0.1',
    '::fffe:10.0.0.1',
    '1::ffff:10.0.0.1',
    '010.0.0.1',
    '0x0a.0.0.1',
    '0xa000001',
    '167772161',
    '012.0.0.1',
    '10.1',
    '10',
    '10.0.0.1.',
    '.10.0.0.1',
    '10.0.0.01',
    '10.0.0.256',
    '10.0.0.-1',
    '10.0.0.1/8',
    '10.0.0.0/8',
    '10.0.0.1%eth0',
    '::ffff:10.0.0.1%1',
    'fe80::1%eth0',
    '10.0.0.1:',
    '10.0.0.1:x',
    '10.0.0.1:65536',
    '10.0.0.1:123456',
    '10.0.0.1:-1',
    '[10.0.0.1]',
    '[10.0.0.1]:443',
    '[::ffff:10.0.0.1',
    '::ffff:10.0.0.1]',
    '[[::ffff:10.0.0.1]]',
    '"10.0.0.1"',
    "'10.0.0.1'",
    '10.0.0.1;x',
    'for=10.0.0.1',
    '10.0.0.1 10.0.0.2',
    '10 .0.0.1',
    '10.0.0.1\u00a0',
    latin1('１０.0.0.1'),
    latin1('10。0。0。1'),
    latin1('10.0.0.1\u200b'),
    latin1('١٠.0.0.1'),
    '<script>alert(1)</script>',
    'not-an-ip',
    'localhost',
    'unknown',
    'null',
    'undefined',
    '_hidden',
    '',
    ',',
    ',,,',
    '10.0.0.1,',
    '10.0.0.1, ',
    '10.0.0.1,,127.0.0.1',
    '10.0.0.1, not-an-ip',
    '10.0.0.1, 203.0.113.9',
    '10.0.0.1, 203.0.113.9, 127.0.0.1',
    '10.0.0.1, <script>, 127.0.0.1',
    'a'.repeat(10_000),
    '1'.repeat(10_000),
    ':'.repeat(10_000),
    ' '.repeat(10_000),
    `10.0.0.1${' '.repeat(10_000)}x`,
    '::,'.repeat(5_000),
    ','.repeat(10_000),
    `10.0.0.1, ${'127.0.0.1, '.repeat(40)}127.0.0.1`,
    '127.0.0.1,'.repeat(1_200),
  ])('refuses %j behind a trusted proxy', async (header) => {
    const target = await start(trusting)
    target.expectRefused(await forwarded(target, header), 403, 'ip_not_allowed')
  })

  it('reads several X-Forwarded-For lines as one, the last entry being the nearest', async () => {
    const target = await start(trusting)
    target.expectPassed(await forwarded(target, '8.8.8.8', '10.0.0.1'))
    target.expectRefused(await forwarded(target, '10.0.0.1', '8.8.8.8'), 403, 'ip_not_allowed')
    target.expectRefused(await forwarded(target, '10.0.0.1', ''), 403, 'ip_not_allowed')
  })

  it('does not take a client for its proxy when Node dropped the header that names it', async () => {
    const target = await start({ gateway: { allow, trustProxies: ['10.0.0.2/32'] } })
    await connectFrom(target, '10.0.0.2')
    target.expectRefused(await forwarded(target, '203.0.113.9'), 403, 'ip_not_allowed')
    for (const count of [960, 980, 999, 1_000, 1_001, 1_500, 2_000, 2_100]) {
      const many = Array.from({ length: count }, () => 'a:b')
      const lines = [...many, 'X-Forwarded-For: 203.0.113.9']
      const key = `Authorization: Bearer ${target.key}`
      target.expectRefused(await target.rawOne(target.bytes([key, ...lines])), [403, 431])
    }
  })

  it('strips the port and the spelling before it counts or tells of an address', async () => {
    const target = await start({
      gateway: { trustProxies: ['127.0.0.0/8'], limits: { rpm: 2, by: 'address' } },
    })
    target.expectPassed(await forwarded(target, '203.0.113.9:1234'))
    target.expectPassed(await forwarded(target, '::ffff:203.0.113.9'))
    const error = await forwarded(target, '\t203.0.113.9')
    target.expectRefused(error, 429, 'request_rate_limit_exceeded')
    target.expectRefused(await forwarded(target, '[::ffff:cb00:7109]:443'), 429)
    expect(target.refused.map(({ clientAddress }) => clientAddress)).toEqual([
      '203.0.113.9',
      '203.0.113.9',
    ])
    target.expectPassed(await forwarded(target, '[2001:db8::1]:443'))
    target.expectPassed(await forwarded(target, '2001:DB8:0:0::1'))
    target.expectRefused(await forwarded(target, '2001:db8::1'), 429)
    expect(target.refused.at(-1)?.clientAddress).toBe('2001:db8::1')
  })

  it('counts a /64 as one caller, and its neighbour as another', async () => {
    const target = await start({
      gateway: { trustProxies: ['127.0.0.0/8'], limits: { rpm: 5, by: 'address' } },
    })
    const statuses: number[] = []
    for (let count = 1; count <= 20; count++) {
      const address = `2001:db8:0:7:${count.toString(16)}:${(count * 7).toString(16)}::1`
      statuses.push((await forwarded(target, address)).status)
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(5)
    expect((await forwarded(target, '2001:db8:0:8::1')).status).toBe(200)
  })

  it.each([
    ['10.0.0.1', 200],
    ['::ffff:10.0.0.1', 200],
    ['::ffff:a00:1', 200],
    ['::10.0.0.1', 403],
    ['fe80::1%eth0', 403],
    ['127.0.0.1', 403],
    ['', 403],
    ['a pipe', 403],
    // A client that has gone, and a unix socket: there is no address, so nobody is let in by it.
    [undefined, 403],
  ])('decides about the peer %s', async (address, status) => {
    const target = await start(untrusting)
    await connectFrom(target, address)
    const answer = await target.send()
    if (status === 200) target.expectPassed(answer)
    else target.expectRefused(answer, 403, 'ip_not_allowed')
  })

  it('takes the address behind a unix socket from a counted proxy, and from nothing else', async () => {
    const counting = await start({ gateway: { allow, trustProxies: 1 } })
    await connectFrom(counting, undefined)
    counting.expectPassed(await forwarded(counting, '10.0.0.1'))
    counting.expectRefused(await forwarded(counting, '10.0.0.1, 203.0.113.9'), 403)
    const listing = await start(trusting)
    await connectFrom(listing, undefined)
    listing.expectRefused(await forwarded(listing, '10.0.0.1'), 403, 'ip_not_allowed')
    const open = await start({ gateway: { trustProxies: ['127.0.0.0/8'] } })
    open.expectPassed(await forwarded(open, '10.0.0.1'))
  })

  it('decides the same by the list of a key', async () => {
    const target = await start({ gateway: { trustProxies: ['127.0.0.0/8'] } })
    const key = await target.makeKey({ allow: ['10.0.0.0/8', '2001:db8::/32'] })
    const from = (address: string): Promise<Answer> =>
      target.send({ key, headers: { 'x-forwarded-for': address } })
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '[2001:db8::1]:1']) {
      target.expectPassed(await from(address))
    }
    for (const address of ['11.0.0.1', '::10.0.0.1', '::ffff:11.0.0.1', 'x', '2001:db9::1']) {
      target.expectRefused(await from(address), 403, 'ip_not_allowed')
    }
    target.expectRefused(await target.send({ key }), 403, 'ip_not_allowed')
  })

  it.each([
    ['10.0.0.0/33', 'lazu().allow[0]'],
    ['10.0.0.0/-1', 'lazu().allow[0]'],
    ['10.0.0.0/08', 'lazu().allow[0]'],
    ['10.0.0.0/', 'lazu().allow[0]'],
    ['10.0.0.0/8/8', 'lazu().allow[0]'],
    ['10.0.0.0/ 8', 'lazu().allow[0]'],
    ['10.0.0.0/8.5', 'lazu().allow[0]'],
    ['10.0.0.0/0x8', 'lazu().allow[0]'],
    ['10.0.0.1/8', 'lazu().allow[0]'],
    ['::ffff:10.0.0.0/8', 'lazu().allow[0]'],
    ['::ffff:0:0/96', 'lazu().allow[0]'],
    ['::/129', 'lazu().allow[0]'],
    ['2001:db8::1/64', 'lazu().allow[0]'],
    ['fe80::1%eth0', 'lazu().allow[0]'],
    ['010.0.0.1', 'lazu().allow[0]'],
    ['*', 'lazu().allow[0]'],
    ['', 'lazu().allow[0]'],
    ['all', 'lazu().allow[0]'],
    ['localhost', 'lazu().allow[0]'],
    ['10.*', 'lazu().allow[0]'],
    ['0.0.0.0/0', 'lazu().allow[0]'],
    ['::/0', 'lazu().allow[0]'],
  ])('does not start with the network %j', async (network, path) => {
    const starting = start({ gateway: { allow: [network] } })
    const error: unknown = await starting.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain(path)
    expect(String(error)).toContain(network)
  })

  it.each([
    ['an empty list', { allow: [] }],
    ['a list that is none', { allow: '10.0.0.0/8' as unknown as string[] }],
    ['proxies that are everybody', { trustProxies: ['0.0.0.0/0'] }],
    ['no proxies at all', { trustProxies: [] }],
    ['so many proxies', { trustProxies: 11 }],
    ['no proxy', { trustProxies: 0 }],
    ['less than no proxy', { trustProxies: -1 }],
    ['a mapped network', { trustProxies: ['::ffff:10.0.0.0/8'] }],
    ['true', { trustProxies: true as unknown as number }],
    ['a star', { trustProxies: '*' as unknown as string[] }],
  ])('does not start with %s', async (_, gateway) => {
    const error: unknown = await start({ gateway }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain(`lazu().${Object.keys(gateway).join()}`)
  })

  it('starts with everybody only when it is told twice', async () => {
    const target = await start({ gateway: { allow: ['0.0.0.0/0'], allowAll: true } })
    target.expectPassed(await target.send())
  })
})
