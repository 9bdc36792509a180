import { request as send, type IncomingHttpHeaders } from 'node:http'
import type { RequestRecord } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { seenAddress } from '../dist/doctor/checks/seen-address.js'
import { chat, doctor, serve, share, soundApp } from './doctor-setup.js'

const routes = [chat]

/** What a proxy does to the requests it passes on. */
interface ProxySettings {
  /** What it makes of the X-Forwarded-For it was sent. */
  readonly forwardedFor: (given: string | undefined) => string | undefined
  /** Where it calls from. */
  readonly from?: string
  /** What it adds to the answers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A proxy that appends the address of its caller, as it should. */
const appending: ProxySettings = {
  forwardedFor: (given) => (given === undefined ? '127.0.0.1' : `${given}, 127.0.0.1`),
}

/** The same, called from elsewhere, as it is in life. */
const fromOutside: ProxySettings = {
  forwardedFor: (given) => (given === undefined ? '198.51.100.9' : `${given}, 198.51.100.9`),
}

/** Serves another server's answers. */
function proxy(
  target: string,
  { forwardedFor, from, headers = {} }: ProxySettings,
): Promise<string> {
  return serve((request, response) => {
    const given = request.headers['x-forwarded-for']
    const forwarded = forwardedFor(Array.isArray(given) ? given.join(', ') : given)
    const passedOn: IncomingHttpHeaders = { ...request.headers }
    delete passedOn['x-forwarded-for']
    const onward = send(target + (request.url ?? ''), {
      method: request.method,
      agent: false,
      headers: forwarded === undefined ? passedOn : { ...passedOn, 'x-forwarded-for': forwarded },
      ...(from === undefined ? {} : { localAddress: from }),
    })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...headers })
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.on('error', () => onward.destroy())
    response.on('close', () => onward.destroy())
    onward.flushHeaders()
    request.pipe(onward)
  })
}

describe('an invented X-Forwarded-For', () => {
  it('that is believed although the configuration trusts nobody is a mistake', async () => {
    const { options, apiKey } = await share()
    const url = await serve(soundApp({ ...options, trustProxies: 1 }))
    const { code, of, codes } = await doctor({ gateway: options, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['SPOOFED_ADDRESS'])
    expect(of('SPOOFED_ADDRESS')).toMatchObject([
      { found: expect.stringContaining('other options'), facts: { seen: '203.0.113.1' } },
    ])
  })

  it('that is believed through fewer proxies than are trusted is a mistake', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, trustProxies: 2 }
    const url = await proxy(await serve(soundApp(gateway)), appending)
    const { code, of, codes } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['SPOOFED_ADDRESS'])
    expect(of('SPOOFED_ADDRESS')).toMatchObject([
      {
        found: expect.stringContaining('trustProxies is 2, and from here there is 1 proxy'),
        mend: expect.stringContaining('Write trustProxies: 1'),
      },
    ])
  })

  it('that is believed past the proxy, on the same machine, is a warning', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, trustProxies: 1 }
    const url = await serve(soundApp(gateway))
    const { code, of, codes } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(0)
    expect(codes('warning')).toEqual(['SPOOFED_ADDRESS'])
    expect(of('SPOOFED_ADDRESS')[0]?.found).toContain('there are 0 proxies')
  })

  it.each([1, ['127.0.0.0/8']])(
    'that a proxy appends to is not believed, trustProxies %j',
    async (trustProxies) => {
      const { options, apiKey } = await share()
      const gateway = { ...options, trustProxies }
      const url = await proxy(await serve(soundApp(gateway)), fromOutside)
      const { code, of, codes } = await doctor({ gateway, url, routes }, { apiKey })
      expect(code).toBe(0)
      expect(codes('warning')).toEqual([])
      expect(of('SPOOFED_ADDRESS')).toMatchObject([
        { level: 'ok', facts: { seen: '198.51.100.9' } },
      ])
    },
  )

  it('that a trusted proxy passes on as it came is a mistake', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, trustProxies: ['127.0.0.2'] }
    const settings = { forwardedFor: (given: string | undefined) => given, from: '127.0.0.2' }
    const url = await proxy(await serve(soundApp(gateway)), settings)
    const { code, of } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(of('SPOOFED_ADDRESS')).toMatchObject([
      { level: 'mistake', mend: expect.stringContaining('$proxy_add_x_forwarded_for') },
    ])
  })

  it('tells nothing where this machine is a trusted proxy itself', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, trustProxies: ['127.0.0.1'] }
    const url = await serve(soundApp(gateway))
    const { code, of } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(0)
    expect(of('SPOOFED_ADDRESS')).toMatchObject([
      { level: 'not_checked', found: expect.stringContaining('Run this from elsewhere') },
    ])
  })
})

describe("a proxy's address in place of the caller's", () => {
  it.each([
    ['via', { via: '1.1 edge' }],
    ['server', { server: 'nginx/1.27.0' }],
  ])('is a mistake: the proxy shows in %s, and none is trusted', async (name, headers) => {
    const { options, apiKey } = await share()
    const url = await proxy(await serve(soundApp(options)), { ...appending, headers })
    const { code, of, codes } = await doctor({ gateway: options, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['PROXY_ADDRESS'])
    expect(of('PROXY_ADDRESS')).toMatchObject([
      {
        found: expect.stringContaining(`${name}: `),
        mend: expect.stringContaining('trustProxies'),
      },
    ])
  })

  it('makes a mistake of every allowlist', async () => {
    const { options, keys, apiKey } = await share()
    await keys.create({ account: 'acme', name: 'office', allow: ['198.51.100.0/24'] })
    const settings = { ...appending, headers: { via: '1.1 edge' } }
    const url = await proxy(await serve(soundApp(options)), settings)
    const { code, of, codes } = await doctor({ gateway: options, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['PROXY_ADDRESS', 'ALLOWLIST'])
    expect(of('ALLOWLIST')[0]?.found).toContain('the lists of 1 keys')
  })

  it('is a mistake where the address cannot be told at all', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, trustProxies: ['127.0.0.1'], allow: ['198.51.100.0/24'] }
    const unknown = { forwardedFor: () => 'unknown' }
    const url = await proxy(await serve(soundApp(gateway)), unknown)
    const { code, of, codes } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(1)
    expect(codes('mistake')).toEqual(['PROXY_ADDRESS', 'ALLOWLIST'])
    expect(of('PROXY_ADDRESS')[0]?.found).toContain('cannot tell the address')
    expect(of('ALLOWLIST')[0]?.found).toContain('gateway.allow')
  })

  it('is no mistake of an allowlist that goes by the right one', async () => {
    const { options, apiKey } = await share()
    const gateway = { ...options, allow: ['127.0.0.0/8'] }
    const url = await serve(soundApp(gateway))
    const { code, of } = await doctor({ gateway, url, routes }, { apiKey })
    expect(code).toBe(0)
    expect(of('ALLOWLIST')).toMatchObject([{ level: 'ok' }])
  })

  it.each([
    // The server, as this machine reaches it; this machine; what the server saw.
    ['198.51.100.1', '198.51.100.9', '127.0.0.1', 'mistake'],
    ['198.51.100.1', '192.168.1.9', '10.0.0.7', 'warning'],
    ['198.51.100.1', '192.168.1.9', '203.0.113.9', 'ok'],
    ['10.0.0.1', '10.0.0.9', '10.0.0.9', 'ok'],
    ['::1', '::1', '::1', 'ok'],
  ])(
    'on a server at %s, seen from %s: %s is one (%s)',
    (serverAddress, ownAddress, seen, level) => {
      const answer = { kind: 'answer', status: 401, headers: {}, body: '' } as const
      const outcome = { ...answer, atMs: 0, tookMs: 1, ownAddress, serverAddress }
      const notSent = { kind: 'not_sent', reason: '' } as const
      const [finding] = seenAddress.run({
        config: { gateway: {} },
        configProblem: undefined,
        stores: {
          keys: undefined,
          ledger: undefined,
          limitStore: undefined,
          requestLog: undefined,
        },
        server: {
          kind: 'seen',
          url: new URL('http://api.test'),
          unknownPath: outcome,
          spoofed: undefined,
          ownVerdict: undefined,
          routes: [
            {
              route: chat,
              withoutKey: { kind: 'sent', outcome, record: recordOf(seen) },
              unsentBody: notSent,
              unknownModel: notSent,
              brokenJson: notSent,
            },
          ],
        },
      })
      expect(finding).toMatchObject({ level, facts: { seen, own: ownAddress } })
    },
  )
})

function recordOf(clientAddress: string): RequestRecord {
  return {
    requestId: 'req_1',
    clientRequestId: undefined,
    method: 'POST',
    path: '/v1/chat/completions',
    keyId: undefined,
    account: undefined,
    clientAddress,
    atMs: 0,
    durationMs: 1,
    status: 401,
    completed: true,
    condition: 'api_key_missing',
    passed: [],
    refusedBy: 'api-key',
    model: undefined,
    limits: [],
  }
}
