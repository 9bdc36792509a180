import Fastify from 'fastify'
import * as lazuExpress from '@lazu/express'
import * as lazuFastify from '@lazu/fastify'
import * as lazuKoa from '@lazu/koa'
import {
  createEvents,
  createKeys,
  MemoryLedger,
  usd,
  type GatewayEvents,
  type GatewayOptions,
} from '@lazu/core'
import { FakeClock, type Harness } from '@lazu/testkit'
import { assert, describe, expect, it, vi } from 'vitest'
import {
  FaultyKeyStore,
  FaultyLedger,
  FaultyLimiter,
  Faults,
} from '../packages/core/test/faulty-stores.js'
import { harnesses } from './contracts/frameworks.js'
import { serve } from './serve.js'

/** A server on three stores, each of which fails as it is told. */
class World {
  readonly clock = new FakeClock()
  readonly keyFaults = new Faults(this.clock)
  readonly ledgerFaults = new Faults(this.clock)
  readonly limiterFaults = new Faults(this.clock)
  readonly memory = new MemoryLedger({ clock: this.clock })
  readonly ledger = new FaultyLedger(this.memory, this.ledgerFaults)
  readonly store = new FaultyKeyStore(this.keyFaults)
  readonly keys = createKeys({ store: this.store, clock: this.clock })
  readonly closedKeys = createKeys({ store: this.store, clock: this.clock, cache: { staleMs: 0 } })
  readonly events = createEvents()
  readonly degraded: GatewayEvents['degraded'][] = []
  readonly unsettled: GatewayEvents['unsettled'][] = []
  handled = 0
  key = ''
  unreadKey = ''
  #url = ''

  async start(harness: Harness, options: GatewayOptions = {}): Promise<void> {
    const { clock, keys, ledger, events } = this
    this.memory.credit('acme', usd(1), 'c1')
    this.key = (await keys.create({ account: 'acme', name: 'read' })).key
    this.unreadKey = (await keys.create({ account: 'acme', name: 'unread' })).key
    events.on('degraded', (event) => void this.degraded.push(event))
    events.on('unsettled', (event) => void this.unsettled.push(event))
    const { url } = await serve(harness, {
      gateway: {
        clock,
        keys,
        ledger,
        events,
        prices: { m: { input: 0, output: 1_000_000 } },
        logger: { error() {}, warn() {} },
        ...options,
      },
      routes: {
        'POST /v1/chat': ({ lazu }) => {
          this.handled++
          lazu.charge({ micros: 7 })
          return { ok: true }
        },
      },
    })
    this.#url = url
  }

  ask(key: string = this.key): Promise<Response> {
    return fetch(`${this.#url}/v1/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', max_tokens: 100, messages: [] }),
    })
  }

  /** Asks while a store hangs: it is decided when the deadline has passed, and not before. */
  async askInVain(faults: Faults, key?: string): Promise<Response> {
    const hanging = faults.hanging
    let decided = false
    const asking = this.ask(key).finally(() => (decided = true))
    await vi.waitFor(() => assert.equal(faults.hanging, hanging + 1))
    this.clock.advance(49)
    await new Promise((resolve) => void setTimeout(resolve, 10))
    assert.isFalse(decided)
    this.clock.advance(1)
    return asking
  }

  /** Lets time pass until something is so. */
  until(check: () => void): Promise<void> {
    return vi.waitFor(
      () => {
        this.clock.advance(100)
        check()
      },
      { interval: 5, timeout: 10_000 },
    )
  }
}

async function expectOverloaded(response: Response, store: string): Promise<void> {
  expect(response.status).toBe(503)
  expect(response.headers.get('x-lazu-degraded')).toBe(store)
  expect(response.headers.get('x-should-retry')).not.toBe('false')
  const text = await response.text()
  expect(JSON.parse(text)).toMatchObject({
    error: { type: 'server_error', code: 'gateway_overloaded', param: null },
  })
  expect(text).not.toMatch(/redis|hunter2|ECONN|deadline|store/i)
}

describe.each(harnesses)('a gateway on $name', (harness) => {
  it('says nothing while its stores work', async () => {
    const world = new World()
    await world.start(harness, { limits: { limiter: new FaultyLimiter(5, world.limiterFaults) } })
    const response = await world.ask()
    expect(response.status).toBe(200)
    expect(response.headers.get('x-lazu-degraded')).toBeNull()
    expect(world.degraded).toEqual([])
  })

  it('whose keys cannot be read lets in those it knows, and calls no other one wrong', async () => {
    const world = new World()
    await world.start(harness)
    expect((await world.ask()).status).toBe(200)
    world.keyFaults.mode = 'hang'
    world.clock.advance(59_000)
    const known = await world.askInVain(world.keyFaults)
    expect(known.status).toBe(200)
    expect(known.headers.get('x-lazu-degraded')).toBe('keys')
    await expectOverloaded(await world.askInVain(world.keyFaults, world.unreadKey), 'keys')
    world.clock.advance(900)
    await expectOverloaded(await world.askInVain(world.keyFaults), 'keys')
    expect(world.handled).toBe(2)

    world.keyFaults.comeBack()
    const again = await world.ask()
    expect([again.status, again.headers.get('x-lazu-degraded')]).toEqual([200, null])
  })

  it('whose keys cannot be read refuses those it knows, too, with staleMs 0', async () => {
    const world = new World()
    await world.start(harness, { keys: world.closedKeys })
    expect((await world.ask()).status).toBe(200)
    world.keyFaults.mode = 'fail'
    world.clock.advance(29_999)
    expect((await world.ask()).status).toBe(200)
    world.clock.advance(1)
    await expectOverloaded(await world.ask(), 'keys')
  })

  it('whose limiter fails lets through its part of the limit', async () => {
    const world = new World()
    const limiter = new FaultyLimiter(6, world.limiterFaults)
    await world.start(harness, { limits: { limiter }, instances: 3 })
    world.limiterFaults.mode = 'hang'
    const first = await world.askInVain(world.limiterFaults)
    expect([first.status, first.headers.get('x-lazu-degraded')]).toEqual([200, 'limits'])
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect((await world.askInVain(world.limiterFaults)).status).toBe(200)
    const refused = await world.askInVain(world.limiterFaults)
    expect([refused.status, refused.headers.get('x-lazu-degraded')]).toEqual([429, 'limits'])
    expect(await refused.json()).toMatchObject({ error: { code: 'request_rate_limit_exceeded' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(25)
    expect(world.handled).toBe(2)

    world.limiterFaults.comeBack()
    const again = await world.ask()
    expect([again.status, again.headers.get('x-lazu-degraded')]).toEqual([200, null])
    expect(again.headers.get('x-ratelimit-limit-requests')).toBe('6')
  })

  it('whose limiter fails lets everybody through, or nobody, as it was told', async () => {
    const open = new World()
    const openLimits = { limiter: new FaultyLimiter(1, open.limiterFaults) }
    await open.start(harness, { limits: openLimits, whenLimitsFail: 'open' })
    open.limiterFaults.mode = 'fail'
    for (let times = 0; times < 8; times++) {
      const response = await open.ask()
      expect([response.status, response.headers.get('x-lazu-degraded')]).toEqual([200, 'limits'])
    }
    // Five were asked for, the others not.
    expect(open.limiterFaults.asked).toBe(5)
    expect(open.degraded).toMatchObject([{ store: 'limits', state: 'opened' }])

    const closed = new World()
    const closedLimits = { limiter: new FaultyLimiter(1, closed.limiterFaults) }
    await closed.start(harness, { limits: closedLimits, whenLimitsFail: 'closed' })
    closed.limiterFaults.mode = 'fail'
    await expectOverloaded(await closed.ask(), 'limits')
    expect(closed.handled).toBe(0)
  })

  it('whose ledger cannot reserve refuses, and holds nothing when it is back', async () => {
    const world = new World()
    await world.start(harness)
    world.ledgerFaults.mode = 'hang'
    for (let times = 0; times < 3; times++) {
      await expectOverloaded(await world.askInVain(world.ledgerFaults), 'ledger')
    }
    // What was to be released, as it may have been reserved, hangs as well.
    await world.until(() => {
      expect(world.degraded).toMatchObject([{ store: 'ledger', state: 'opened' }])
    })
    const { asked } = world.ledgerFaults
    await expectOverloaded(await world.ask(), 'ledger')
    expect(world.ledgerFaults.asked).toBe(asked)
    expect(world.handled).toBe(0)

    world.ledgerFaults.comeBack()
    await world.until(() => expect(world.degraded.at(-1)?.state).toBe('closed'))
    await world.until(() => expect(world.memory.balance('acme')).toMatchObject({ held: 0 }))
    const again = await world.ask()
    expect([again.status, again.headers.get('x-lazu-degraded')]).toEqual([200, null])
    await vi.waitFor(() => expect(world.memory.balance('acme').settled).toBe(7))
  })

  it('whose ledger cannot reserve lets through and charges later, where it was told so', async () => {
    const world = new World()
    await world.start(harness, { whenLedgerFails: 'open' })
    world.ledgerFaults.mode = 'fail'
    const response = await world.ask()
    expect([response.status, response.headers.get('x-lazu-degraded')]).toEqual([200, 'ledger'])
    expect(world.handled).toBe(1)
    expect(world.memory.balance('acme').settled).toBe(0)
    world.ledgerFaults.comeBack()
    await world.until(() => {
      expect(world.memory.balance('acme')).toMatchObject({ held: 0, settled: 7 })
    })
    expect(world.unsettled).toEqual([])
  })

  it('whose ledger cannot settle has answered long before it can', async () => {
    const world = new World()
    await world.start(harness)
    world.ledger.settle = (id, amount, tokens) => {
      world.ledgerFaults.mode = 'hang'
      return world.ledgerFaults.answer(() => world.memory.settle(id, amount, tokens))
    }
    const response = await world.ask()
    expect([response.status, await response.json()]).toEqual([200, { ok: true }])
    await vi.waitFor(() => expect(world.ledgerFaults.hanging).toBe(1))
    world.ledger.settle = (id, amount, tokens) =>
      world.ledgerFaults.answer(() => world.memory.settle(id, amount, tokens))
    world.ledgerFaults.serveOthers()
    await world.until(() => expect(world.memory.balance('acme').settled).toBe(7))
    // What was sent first runs last.
    world.ledgerFaults.comeBack()
    await new Promise((resolve) => void setTimeout(resolve, 10))
    expect(world.memory.balance('acme')).toMatchObject({ held: 0, settled: 7 })
  })

  it('whose stores all fail names each of them once', async () => {
    const world = new World()
    const limits = { limiter: new FaultyLimiter(5, world.limiterFaults) }
    await world.start(harness, { limits, whenLedgerFails: 'open' })
    expect((await world.ask()).status).toBe(200)
    world.clock.advance(31_000)
    for (const faults of [world.keyFaults, world.limiterFaults, world.ledgerFaults]) {
      faults.mode = 'fail'
    }
    const response = await world.ask()
    expect(response.status).toBe(200)
    expect(response.headers.get('x-lazu-degraded')).toBe('keys, limits, ledger')
  })
})

describe('the options for stores that fail', () => {
  it.each([
    [{ storeDeadline: 'soon' }, 'lazu().storeDeadline is "soon"'],
    [{ whenLimitsFail: 'shut', limits: { rpm: 1 } }, 'lazu().whenLimitsFail is "shut"'],
    [{ instances: 0, limits: { rpm: 1 } }, 'lazu().instances is 0'],
    [{ instances: 2 }, 'lazu().limits is missing'],
    [{ whenLedgerFails: 'open' }, 'lazu().ledger is missing'],
  ])('stop the start when they are wrong: %j', (options, message) => {
    expect(() => lazuExpress.lazu(options as object)).toThrow(message)
  })

  it('stop the start of keys, too', () => {
    expect(() => createKeys({ storeDeadline: '0ms' })).toThrow(
      'createKeys().storeDeadline is "0ms"',
    )
  })
})

const options = (): GatewayOptions => ({
  keys: createKeys(),
  ledger: new MemoryLedger(),
  prices: { m: { input: 1, output: 1 } },
})

describe('the readiness of a gateway', () => {
  const ready = { status: 'ok', stores: { keys: 'ok', ledger: 'ok' }, unsettled: 0 }
  it.each([
    ['express', lazuExpress],
    ['koa', lazuKoa],
  ])('is told by the gateway on %s', async (_, { lazu }) => {
    const gateway = lazu(options())
    expect(gateway.readiness()).toEqual(ready)
    expect(await gateway.drained()).toBeUndefined()
  })

  it('is told by the instance on fastify, each scope for itself', async () => {
    const app = Fastify()
    await app.register(lazuFastify.lazu, options())
    expect(app.lazu.readiness()).toEqual(ready)
    expect(await app.lazu.drained()).toBeUndefined()
    const refused: string[] = []
    app.lazu.on('refused', ({ condition }) => void refused.push(condition))
    await app.register(async (scope) => {
      await scope.register(lazuFastify.lazu, { errors: false, notFound: false })
      expect(scope.lazu.readiness().stores).toEqual({})
    })
    expect((await app.inject('/nowhere')).statusCode).toBe(401)
    expect(refused).toEqual(['api_key_missing'])
    expect(app.lazu.readiness()).toEqual(ready)
    await app.close()
  })
})
