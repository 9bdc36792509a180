import { createKeys, lazu } from '@lazu/express'
import { TokenBucketMemory, type GatewayOptions, type KeyLimits, type LimitRule } from '@lazu/core'
import { redisLimits } from '@lazu/redis'
import { describeWithRedis, FakeClock } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterAll, assert, beforeAll, describe, expect, it, vi } from 'vitest'
import { expressHarness } from '../packages/express/test/harness.js'
import { FaultyLimitStore, Faults } from '../packages/core/test/faulty-stores.js'
import { serve } from './serve.js'

let prefixes = 0

/** A server whose limits are in a Redis that fails as it is told. */
class World {
  readonly clock = new FakeClock()
  readonly faults = new Faults(this.clock)
  readonly keys = createKeys({ clock: this.clock })
  readonly limitStore: FaultyLimitStore
  /** Lets go the requests that wait in the handler. */
  readonly release: (() => void)[] = []
  key = ''
  #url = ''

  constructor(client: ReturnType<typeof createClient>) {
    const store = redisLimits(client, { clock: this.clock, prefix: `test ${prefixes++}` })
    this.limitStore = new FaultyLimitStore(store, this.faults)
  }

  async start(options: GatewayOptions, limits: KeyLimits = {}): Promise<void> {
    const { clock, keys, limitStore } = this
    this.key = (await keys.create({ account: 'acme', name: 'test', limits })).key
    const { url } = await serve(expressHarness, {
      gateway: { clock, keys, limitStore, logger: { error() {}, warn() {} }, ...options },
      routes: {
        'POST /chat': ({ lazu: { limits: states } }) => ({ states }),
        'POST /hold': async () => {
          await new Promise<void>((resolve) => void this.release.push(resolve))
          return {}
        },
      },
    })
    this.#url = url
  }

  ask(path = '/chat', body: object = { max_tokens: 1 }): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' }
    return fetch(this.#url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  async status(path?: string, body?: object): Promise<number> {
    const response = await this.ask(path, body)
    await response.text()
    return response.status
  }

  /** How many requests wait in the handler. */
  async untilHeld(count: number): Promise<void> {
    await vi.waitFor(() => assert.equal(this.release.length, count))
  }

  releaseAll(): void {
    for (const release of this.release.splice(0)) release()
  }

  /** How many places are held. */
  async held(): Promise<number | undefined> {
    const [record] = await this.keys.list()
    const name = `concurrency:concurrency:key:${record?.id}`
    const ask = { kind: 'place', name, id: '', limit: 0, observe: false } as const
    return (await this.limitStore.take([ask])).before[0]
  }

  /** Lets time pass until the store decides again. */
  async untilDecidedByStore(): Promise<void> {
    await vi.waitFor(async () => {
      this.clock.advance(60_000)
      assert.isNull((await this.ask()).headers.get('x-lazu-degraded'))
    })
  }
}

describeWithRedis('limits in a store', (server) => {
  let client: ReturnType<typeof createClient> | undefined

  beforeAll(async () => {
    client = createClient({ url: server().url })
    await client.connect()
  })

  afterAll(() => client?.destroy())

  async function start(options: GatewayOptions, limits?: KeyLimits): Promise<World> {
    if (client === undefined) throw new Error('there is no client')
    const world = new World(client)
    await world.start(options, limits)
    return world
  }

  describe('are asked', () => {
    it('once before the body and once behind it, whatever many rules there are', async () => {
      const world = await start({
        limits: [
          { rpm: 10, tpm: 1_000, concurrency: 5 },
          { name: 'account', rpm: 10, tpm: 1_000, concurrency: 5, by: 'account' },
          { name: 'address', rpm: 10, by: 'address' },
          { name: 'model', rpm: 10, by: 'model' },
        ],
      })
      expect(await world.status('/hold-nothing')).toBe(404)
      await vi.waitFor(() => expect(world.faults.asked).toBe(4))
      expect(await world.status()).toBe(200)
      // And told what became of it: places that are free, of tokens nothing as none were charged.
      await vi.waitFor(() => expect(world.faults.asked).toBe(7))
    })

    it('not at all where no rule applies', async () => {
      const world = await start({})
      expect(await world.status()).toBe(200)
      expect(world.faults.asked).toBe(0)
    })

    it('for the limits of keys and tiers', async () => {
      const world = await start({ tiers: { small: { rpm: 1 } } }, { rpm: 2 })
      const statuses = [await world.status(), await world.status(), await world.status()]
      expect(statuses).toEqual([200, 200, 429])
      expect(world.faults.asked).toBe(3)
    })
  })

  describe('that fail', () => {
    it('are decided by this process, with its part of them', async () => {
      const world = await start({
        limits: { rpm: 6, concurrency: 4, tpm: 1_000 },
        instances: 3,
      })
      world.faults.mode = 'fail'
      const first = await world.ask()
      expect(first.headers.get('x-lazu-degraded')).toBe('limits')
      expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
      const holding = world.ask('/hold')
      await world.untilHeld(1)
      const crowded = await world.ask()
      expect(crowded.status).toBe(429)
      expect(await crowded.json()).toMatchObject({
        error: { code: 'request_rate_limit_exceeded', details: { rule: 'rpm', limit: 2 } },
      })
      world.clock.advance(60_000)
      const full = await world.ask()
      expect(await full.json()).toMatchObject({
        error: { code: 'concurrency_limit_exceeded', details: { limit: 1 } },
      })
      world.releaseAll()
      expect((await holding).status).toBe(200)
      expect(await world.status()).toBe(200)
    })

    it('let a request pass that is larger than their part, and only then', async () => {
      const world = await start({ limits: { tpm: 1_000 }, instances: 4 })
      world.faults.mode = 'fail'
      expect(await world.status('/chat', { max_tokens: 700 })).toBe(200)
      expect(await world.status('/chat', { max_tokens: 700 })).toBe(429)
      expect(await world.status('/chat', { max_tokens: 1_700 })).toBe(400)
    })

    it.each<['open' | 'closed', number]>([
      ['open', 200],
      ['closed', 503],
    ])('are %s when they were told so', async (whenLimitsFail, status) => {
      const world = await start({ limits: { rpm: 1, concurrency: 1 }, whenLimitsFail })
      world.faults.mode = 'fail'
      for (let count = 0; count < 8; count++) {
        const response = await world.ask()
        expect([response.status, response.headers.get('x-lazu-degraded')]).toEqual([
          status,
          'limits',
        ])
      }
      world.faults.comeBack()
      await world.untilDecidedByStore()
      expect(await world.status()).toBe(429)
    })

    it('are waited for until the deadline, and give back the place they took behind it', async () => {
      const world = await start({ limits: { concurrency: 1 } })
      world.faults.mode = 'hang'
      const asking = world.ask()
      await vi.waitFor(() => expect(world.faults.hanging).toBe(1))
      world.clock.advance(50)
      const response = await asking
      expect([response.status, response.headers.get('x-lazu-degraded')]).toEqual([200, 'limits'])
      await vi.waitFor(() => expect(world.faults.hanging).toBe(2))
      world.faults.comeBack()
      expect(await world.status()).toBe(200)
    })

    it('are told again of a request that is over, until they know', async () => {
      const world = await start({ limits: { concurrency: 1 } })
      const holding = world.ask('/hold')
      await world.untilHeld(1)
      const { asked } = world.faults
      world.faults.mode = 'fail'
      world.releaseAll()
      expect((await holding).status).toBe(200)
      await vi.waitFor(() => expect(world.faults.asked).toBe(asked + 1))
      world.clock.advance(200)
      await vi.waitFor(() => expect(world.faults.asked).toBe(asked + 2))
      world.faults.comeBack()
      expect(await world.status()).toBe(429)
      world.clock.advance(200)
      await vi.waitFor(async () => expect(await world.held()).toBe(0))
      await vi.waitFor(() => expect(world.clock.waiting).toBe(0))
    })
  })

  describe('that are held', () => {
    it('stay held for as long as a request takes, by one timer for all', async () => {
      const world = await start({ limits: { concurrency: 2 } })
      const holding = [world.ask('/hold'), world.ask('/hold')]
      await world.untilHeld(2)
      expect(world.clock.waiting).toBe(1)
      for (let times = 0; times < 8; times++) {
        const { asked } = world.faults
        world.clock.advance(10_000)
        await vi.waitFor(() => expect(world.faults.asked).toBe(asked + 1))
        expect(await world.status()).toBe(429)
      }
      world.releaseAll()
      for (const response of await Promise.all(holding)) expect(response.status).toBe(200)
      await vi.waitFor(async () => expect(await world.held()).toBe(0))
      await vi.waitFor(() => expect(world.clock.waiting).toBe(0))
    })

    it('begin afresh when the store has forgotten them, but for what goes on', async () => {
      const world = await start({ limits: { concurrency: 1, rpm: 3 } })
      const holding = world.ask('/hold')
      await world.untilHeld(1)
      await client?.flushAll()
      expect(await world.status()).toBe(200)
      const { asked } = world.faults
      world.clock.advance(10_000)
      await vi.waitFor(() => expect(world.faults.asked).toBe(asked + 1))
      await vi.waitFor(async () => expect(await world.held()).toBe(1))
      world.releaseAll()
      expect((await holding).status).toBe(200)
    })
  })

  it('stand beside a limiter in memory, and are taken from only where it passes', async () => {
    const clock = new FakeClock()
    const limiter = new TokenBucketMemory({ points: 2, clock })
    const world = await start({ limits: [{ rpm: 5 }, { name: 'own', limiter, by: () => 'all' }] })
    expect(await (await world.ask()).json()).toMatchObject({
      states: [
        { rule: 'rpm', remaining: 4 },
        { rule: 'own', remaining: 1 },
      ],
    })
    await limiter.consume('all')
    expect([await world.status(), await world.status()]).toEqual([429, 429])
    await limiter.delete('all')
    expect(await (await world.ask()).json()).toMatchObject({ states: [{ remaining: 3 }, {}] })
  })
})

describe('the options of a store for limits', () => {
  const store = Object.fromEntries(
    ['take', 'adjust', 'hold', 'free'].map((name) => [name, () => {}]),
  )

  it.each<[object, string]>([
    [{ limitStore: {} }, 'lazu().limitStore is an object. Give a store for limits'],
    [{ limitStore: store, limits: [{ rpm: 1 }, { rpm: 2 }] }, 'two rules called "rpm"'],
    [
      {
        limitStore: store,
        limits: [
          { rpm: 1, by: () => '' },
          { rpm: 2, by: () => '' },
        ],
      },
      '"rpm"',
    ],
  ])('stop the start when they are wrong', (options, message) => {
    expect(() => lazu(options)).toThrow(message)
  })

  it.each<{ limits: readonly LimitRule[] }>([
    { limits: [{ rpm: 1 }, { tpm: 1 }, { concurrency: 1 }] },
    { limits: [{ rpm: 1 }, { rpm: 1, by: 'account' }, { rpm: 1, by: () => 'x' }] },
    {
      limits: [
        { name: 'a', rpm: 1 },
        { name: 'b', rpm: 1 },
      ],
    },
  ])('are right where a rule can be told from another', (options) => {
    expect(() => lazu({ ...options, limitStore: Object(store), instances: 2 })).not.toThrow()
  })
})
