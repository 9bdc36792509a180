import { ConfigurationError } from '@lazu/core'
import { json } from '@lazu/testkit'
import { channels, type ChannelOptions, type UpstreamOptions } from '@lazu/upstream'
import { describe, expect, it, vi } from 'vitest'
import { scripted, startGateway } from './gateway.js'

const good = json({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })
const body = { model: 'm', messages: [] }
const failed = json({ error: {} }, { status: 500 })

/** Two channels whose key is missing. */
const without = (key: string | undefined): ChannelOptions[] => [
  { name: 'one', url: 'http://127.0.0.1:1', key },
  { name: 'two', url: 'http://127.0.0.1:1' },
]

const limited = (headers: Record<string, string> = {}): Buffer => json({}, { status: 429, headers })

/** Options with one channel. */
const of = (channel: object): UpstreamOptions => ({
  models: { m: [{ name: 'one', url: 'https://example.com', key: 'k', ...channel }] },
})

describe('the choice of a channel', () => {
  it('goes by weight', async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(good)
    second.script(good)
    const gateway = await startGateway({
      channels: [
        { name: 'one', url: first.url, key: 'k', weight: 2 },
        { name: 'two', url: second.url, key: 'k' },
      ],
    })
    for (let sent = 0; sent < 9; sent++) await gateway.post(body)
    expect(first.requests).toHaveLength(6)
    expect(second.requests).toHaveLength(3)
  })

  it.each([
    ['cheap', 'channels of its lane and those without one', { one: 0, two: 2, three: 2 }],
    [undefined, 'all, for a key without a lane', { one: 2, two: 1, three: 1 }],
  ])('takes of the lane %s %s', async (lane, _, expected) => {
    const upstreams = [await scripted(), await scripted(), await scripted()]
    for (const upstream of upstreams) upstream.script(good)
    const [one, two, three] = upstreams
    const gateway = await startGateway({
      ...(lane === undefined ? {} : { lane }),
      channels: [
        { name: 'one', url: one?.url ?? '', key: 'k', lane: 'direct' },
        { name: 'two', url: two?.url ?? '', key: 'k', lane: 'cheap' },
        { name: 'three', url: three?.url ?? '', key: 'k' },
      ],
    })
    for (let sent = 0; sent < 4; sent++) await gateway.post(body)
    expect(upstreams.map(({ requests }) => requests.length)).toEqual(Object.values(expected))
  })

  it('is refused where no channel serves the lane', async () => {
    const gateway = await startGateway({
      lane: 'cheap',
      channels: [{ name: 'one', url: 'http://127.0.0.1:1', key: 'k', lane: 'direct' }],
    })
    const response = await gateway.post(body)
    expect(response.status).toBe(503)
    expect(gateway.broken).toMatchObject([{ condition: 'no_channel' }])
  })

  it('passes over a channel without its key', async () => {
    const upstream = await scripted()
    upstream.script(good)
    const some = await startGateway({
      channels: [...without(''), { name: 'three', url: upstream.url, key: null }],
    })
    expect((await some.post(body)).status).toBe(200)
    expect(upstream.requests[0]?.headers).not.toHaveProperty('authorization')
    const none = await startGateway({ channels: without(undefined) })
    expect((await none.post(body)).status).toBe(503)
    expect(none.broken).toMatchObject([{ condition: 'channel_key_missing' }])
  })

  it('has no other channel tried when no retries are wanted, and more when they are', async () => {
    const upstream = await scripted()
    upstream.script(failed)
    const options = ['one', 'two', 'three', 'four'].map((name) => ({
      name,
      url: upstream.url,
      key: 'k',
    }))
    for (const retries of [0, 1, 2]) {
      const gateway = await startGateway({ channels: options, upstream: { retries } })
      await gateway.post(body)
      expect(gateway.failures.map(({ triesAnother }) => triesAnother)).toEqual(
        [true, true, false].slice(2 - retries),
      )
    }
  })
})

describe('a breaker', () => {
  it('opens after five failures, lets one probe through, and closes again', async () => {
    const upstream = await scripted()
    upstream.script(failed)
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    for (let sent = 0; sent < 5; sent++) expect((await gateway.post(body)).status).toBe(502)
    gateway.clock.advance(2_000)
    const refused = await gateway.post(body)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('8')
    expect(gateway.broken.at(-1)).toMatchObject({ condition: 'channels_exhausted' })
    expect(upstream.requests).toHaveLength(5)

    gateway.clock.advance(8_000)
    upstream.script(() => {}, good)
    const probe = gateway.post(body)
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(6))
    expect((await gateway.post(body)).status).toBe(503)
    // The probe fails, by its time limit.
    gateway.clock.advance(120_000)
    expect((await probe).status).toBe(504)
    expect((await gateway.post(body)).status).toBe(503)
    expect(upstream.requests).toHaveLength(6)

    gateway.clock.advance(10_000)
    expect((await gateway.post(body)).status).toBe(200)
    expect((await gateway.post(body)).status).toBe(200)
    upstream.script(failed)
    for (let sent = 0; sent < 5; sent++) expect((await gateway.post(body)).status).toBe(502)
    expect((await gateway.post(body)).status).toBe(503)
  })

  it('of one channel sends all requests to the other', async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(failed)
    second.script(good)
    const gateway = await startGateway({
      upstream: { breaker: { failures: 2, pause: '1m' } },
      channels: [
        { name: 'one', url: first.url, key: 'k' },
        { name: 'two', url: second.url, key: 'k' },
      ],
    })
    for (let sent = 0; sent < 10; sent++) expect((await gateway.post(body)).status).toBe(200)
    expect(first.requests).toHaveLength(2)
  })

  it('does not count what is the callers’ fault, nor calls whose client left', async () => {
    const upstream = await scripted()
    upstream.script(json({}, { status: 400 }))
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    for (let sent = 0; sent < 6; sent++) expect((await gateway.post(body)).status).toBe(400)
    upstream.script(() => {})
    for (let sent = 0; sent < 6; sent++) {
      const leaving = new AbortController()
      const response = gateway.post(body, { signal: leaving.signal }).catch(() => {})
      await vi.waitFor(() => expect(upstream.requests).toHaveLength(7 + sent))
      leaving.abort()
      await response
    }
    upstream.script(good)
    expect((await gateway.post(body)).status).toBe(200)
  })

  it('is given its probe again when the client of a probe leaves', async () => {
    const upstream = await scripted()
    upstream.script(failed, () => {}, good)
    const gateway = await startGateway({
      upstream: { breaker: { failures: 1 } },
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    })
    await gateway.post(body)
    gateway.clock.advance(10_000)
    const leaving = new AbortController()
    const probe = gateway.post(body, { signal: leaving.signal }).catch(() => {})
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(2))
    leaving.abort()
    await probe
    await vi.waitFor(async () => expect((await gateway.post(body)).status).toBe(200))
  })
})

describe('a channel that answers 429', () => {
  it('is not asked first until its Retry-After is over', async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(limited({ 'retry-after': '30' }), good)
    second.script(good)
    const gateway = await startGateway({
      channels: [
        { name: 'one', url: first.url, key: 'k', weight: 100 },
        { name: 'two', url: second.url, key: 'k' },
      ],
    })
    for (let sent = 0; sent < 5; sent++) expect((await gateway.post(body)).status).toBe(200)
    expect(first.requests).toHaveLength(1)
    gateway.clock.advance(30_000)
    expect((await gateway.post(body)).status).toBe(200)
    expect(first.requests).toHaveLength(2)
  })

  it('is left alone for twice as long each time it does not say how long', async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(limited())
    second.script(good)
    const gateway = await startGateway({
      channels: [
        { name: 'one', url: first.url, key: 'k', weight: 1_000 },
        { name: 'two', url: second.url, key: 'k' },
      ],
    })
    const asked: number[] = []
    for (let at = 0; at < 70; at++) {
      const before = first.requests.length
      await gateway.post(body)
      if (first.requests.length > before) asked.push(at)
      gateway.clock.advance(1_000)
    }
    expect(asked).toEqual([0, 1, 3, 7, 15, 31, 63])
  })

  it('is asked all the same where no other is there', async () => {
    const upstream = await scripted()
    upstream.script(limited(), good)
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    expect((await gateway.post(body)).status).toBe(503)
    expect((await gateway.post(body)).status).toBe(200)
  })
})

describe('a configuration', () => {
  const mistakes: [options: object, path: string][] = [
    [{}, 'channels().models'],
    [{ models: { m: [] } }, 'channels().models.m'],
    [of({ url: undefined }), 'channels().models["m"][0].url'],
    [of({ url: 'example.com/v1' }), 'channels().models["m"][0].url'],
    [of({ url: 'ftp://example.com' }), 'channels().models["m"][0].url'],
    [of({ url: 'https://user:secret@example.com' }), 'channels().models["m"][0].url'],
    [of({ url: 'https://example.com/?secret' }), 'channels().models["m"][0].url'],
    [of({ key: 'secret\n' }), 'channels().models["m"][0].key'],
    [
      of({ headers: { 'content-length': '1' } }),
      'channels().models["m"][0].headers["content-length"]',
    ],
    [of({ headers: { 'x y': '1' } }), 'channels().models["m"][0].headers["x y"]'],
    [of({ headers: { x: 'secret\r\n' } }), 'channels().models["m"][0].headers["x"]'],
    [of({ weight: 0 }), 'channels().models.m[0].weight'],
    [of({ timeout: { idle: 'long' } }), 'channels().models["m"][0].timeout.idle'],
    [of({ modell: 'x' }), 'channels().models.m[0].modell'],
    [{ ...of({}), retries: -1 }, 'channels().retries'],
    [{ ...of({}), breaker: { pause: 'soon' } }, 'channels().breaker.pause'],
    [
      {
        models: {
          m: [...(of({}).models['m'] ?? []), ...(of({}).models['m'] ?? [])].map((one) => ({
            ...one,
          })),
        },
      },
      'channels().models["m"][1].name',
    ],
  ]

  it.each(mistakes)('%j stops the start', (options, path) => {
    const start = (): unknown => Reflect.apply(channels, undefined, [options])
    expect(start).toThrow(ConfigurationError)
    expect(start).toThrow(expect.objectContaining({ path }))
    expect(start).not.toThrow(/secret/)
  })

  it('may give one channel to several models', () => {
    const channel = { name: 'one', url: 'https://example.com', key: 'k' }
    expect(() => channels({ models: { a: [channel], b: [channel] } })).not.toThrow()
  })
})
