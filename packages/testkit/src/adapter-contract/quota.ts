import { Readable } from 'node:stream'
import type { GatewayOptions, NewKey } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Handler, Harness } from '../harness.js'
import { ask, expectError } from './client.js'
import { endingRoutes, endings, endingTimeoutMs } from './endings.js'
import { deferred, until } from './waiting.js'
import { prices, serve, World } from './world.js'

/** What is held for a request, and what it is charged. */
export function describeQuota(harness: Harness): void {
  /** Runs one request of at most 100, and gives what became of its reservation. */
  async function run(handler: Handler, options: GatewayOptions = {}): Promise<World> {
    const world = new World()
    world.credit(1_000)
    const key = await world.key()
    const server = await serve(harness, {
      gateway: world.paid(options),
      routes: { 'POST /chat': handler },
    })
    await ask(server, 'POST /chat', { key, body: { model: 'm', max_tokens: 100 } })
    await world.untilQuiet()
    return world
  }

  const usage = { prompt_tokens: 7, completion_tokens: 30 }

  describe('the balance', () => {
    it('serves exactly one of fifty at once that each take 60 % of it', async () => {
      const world = new World()
      world.credit(1_000)
      const key = await world.key()
      const gate = deferred()
      let handled = 0
      const server = await serve(harness, {
        gateway: world.paid(),
        routes: {
          'POST /chat': async ({ lazu }) => {
            handled++
            await gate.promise
            lazu.charge({ inputTokens: 0, outputTokens: 600 })
            return { ok: true }
          },
        },
      })
      const body = { model: 'm', max_tokens: 600 }
      const answers = Array.from({ length: 50 }, () => ask(server, 'POST /chat', { key, body }))
      await until('the others are refused', () => world.happened.refused.length === 49)
      expect(world.ledger.balance('acme')).toMatchObject({ held: 600, available: 400 })
      gate.resolve()
      const served = (await Promise.all(answers)).filter(({ status }) => status === 200)
      expect(served).toHaveLength(1)
      expect(handled).toBe(1)
      await world.untilQuiet()
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 600, available: 400 })
    })

    it('refuses with 403 what it does not cover, without a retry', async () => {
      const world = new World()
      world.credit(99)
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.paid(),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      const body = { model: 'm', max_tokens: 100 }
      const refused = await ask(server, 'POST /chat', { key, body })
      const error = expectError(refused, 403, 'insufficient_quota')
      expect(error.type).toBe('insufficient_quota')
      expect(error.message).toContain('needed $0.0001, available $0.000099')
      expect(refused.headers.get('retry-after')).toBe(null)
      expect(world.ledger.balance('acme')).toMatchObject({ held: 0, settled: 0 })
    })

    it('asks for nothing where there is no body', async () => {
      const world = new World()
      const server = await serve(harness, {
        gateway: world.paid(),
        routes: { 'GET /models': () => ({ ok: true }) },
      })
      expect((await ask(server, 'GET /models', { key: await world.key() })).status).toBe(200)
    })
  })

  describe('the caps of a key', () => {
    const caps: readonly [string, NewKey['caps'], number | undefined][] = [
      ['in total', { total: 150 }, undefined],
      ['a day', { day: 150 }, 24 * 60 * 60 * 1_000],
      ['a month', { month: 150 }, 31 * 24 * 60 * 60 * 1_000],
    ]

    it.each(caps)('hold %s', async (_, keyCaps, renewedMs) => {
      const world = new World()
      world.credit(10_000)
      const capped = await world.key({ caps: keyCaps })
      const free = await world.key()
      const server = await serve(harness, {
        gateway: world.paid(),
        routes: {
          'POST /chat': ({ lazu }) => {
            lazu.charge({ micros: 100 })
            return { ok: true }
          },
        },
      })
      const post = (key: string) =>
        ask(server, 'POST /chat', { key, body: { model: 'm', max_tokens: 100 } })
      expect((await post(capped)).status).toBe(200)
      await world.untilQuiet()
      const error = expectError(await post(capped), 403, 'insufficient_quota')
      expect(error.message).toContain('cap')
      expect(world.happened.refused).toMatchObject([{ condition: 'key_quota_exceeded' }])
      expect((await post(free)).status).toBe(200)
      world.clock.advance(renewedMs ?? 366 * 24 * 60 * 60 * 1_000)
      expect((await post(capped)).status).toBe(renewedMs === undefined ? 403 : 200)
    })
  })

  describe('the charge', () => {
    const charged: readonly [string, Handler, number][] = [
      ['a usage', ({ lazu }) => (lazu.charge(usage), { ok: true }), 30],
      ['an amount', ({ lazu }) => (lazu.charge({ micros: 7 }), { ok: true }), 7],
      ['nothing', ({ lazu }) => (lazu.charge({ micros: 0 }), { ok: true }), 0],
      ['more than was held', ({ lazu }) => (lazu.charge({ micros: 500 }), { ok: true }), 500],
      ['the last of two', ({ lazu }) => (lazu.charge(usage), lazu.charge({ micros: 1 }), {}), 1],
      [
        'a usage before an error',
        ({ lazu }) => {
          lazu.charge(usage)
          throw new Error('broken')
        },
        30,
      ],
      [
        'a usage before its stream broke off',
        ({ lazu, stream }) => {
          lazu.charge(usage)
          return stream(breaking())
        },
        30,
      ],
    ]

    it.each(charged)('is what the handler says: %s', async (_, handler, amount) => {
      const world = await run(handler)
      expect(world.ledger.balance('acme')).toMatchObject({ settled: amount, held: 0 })
      expect(world.happened.settled).toMatchObject([
        { ended: 'settled', amount, reserved: 100, model: 'm', account: 'acme' },
      ])
    })

    it.each([-1, 0.5, NaN, Infinity, 2 ** 60])('is never %d', async (tokens) => {
      const world = await run(({ lazu }) => {
        lazu.charge({ inputTokens: 0, outputTokens: tokens })
        return { ok: true }
      })
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0, granted: 1_000 })
      expect(world.happened.failed).toMatchObject([{ condition: 'internal_error' }])
    })

    it.each<[string, Handler]>([
      ['an answer', () => ({ ok: true })],
      ['a stream', ({ stream }) => stream(Readable.from(['data: 1\n\n', 'data: 2\n\n']))],
    ])('is what was seen, up to the estimate, of %s without a usage', async (_, handler) => {
      const world = await run(handler)
      const [settled] = world.happened.settled
      expect(settled).toMatchObject({ ended: 'settled', reserved: 100 })
      expect(settled?.amount).toBeGreaterThan(0)
      expect(settled?.amount).toBeLessThanOrEqual(100)
      expect(world.ledger.balance('acme').settled).toBe(settled?.amount)
    })

    it.each<[string, Handler]>([
      ['a 4xx', ({ lazu }) => lazu.fail('file_not_found')],
      ['a 5xx', () => Promise.reject(new Error('broken'))],
      ['a status of its own', ({ raw: { response } }) => void response.writeHead(402).end('{}')],
      ['a stream that broke off', ({ stream }) => stream(breaking())],
    ])('is nothing for %s', async (_, handler) => {
      const world = await run(handler)
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0 })
      expect(world.happened.settled).toMatchObject([{ ended: 'released', amount: 0 }])
    })

    it('of a stream that broke off can be what was observed', async () => {
      const world = await run(({ stream }) => stream(breaking()), { brokenStream: 'observed' })
      const [settled] = world.happened.settled
      expect(settled?.ended).toBe('settled')
      expect(settled?.amount).toBeGreaterThan(0)
      expect(settled?.amount).toBeLessThanOrEqual(100)
    })

    it('is by the dearest price that may apply until the lane is known', async () => {
      const world = new World()
      world.credit(1_000)
      const lanes = {
        direct: { input: 0, output: 4_000_000 },
        cheap: { input: 0, output: 2_000_000 },
      }
      const server = await serve(harness, {
        gateway: world.paid({ prices: { ...prices, two: { lanes } } }),
        routes: { 'POST /chat': ({ lazu }) => (lazu.charge(usage), { ok: true }) },
      })
      const body = { model: 'two', max_tokens: 100 }
      await ask(server, 'POST /chat', { key: await world.key(), body })
      await ask(server, 'POST /chat', { key: await world.key({ lane: 'cheap' }), body })
      await until('both are settled', () => world.happened.settled.length === 2)
      expect(world.happened.settled).toMatchObject([
        { reserved: 400, amount: 120 },
        { reserved: 200, amount: 60 },
      ])
    })
  })

  describe('a reservation', () => {
    const { routes, entered } = endingRoutes()
    const reserving = endings(entered).filter(
      ({ name }) => name !== 'a client that leaves in the body' && name !== 'no route',
    )

    it.each(reserving)('ends once: $name', async (ending) => {
      const world = new World()
      world.credit(1_000)
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.paid({ timeout: endingTimeoutMs }),
        routes,
      })
      await ending.run({ world, server, key })
      await world.untilQuiet()
      await until('the end is told', () => world.happened.settled.length > 0)
      expect(world.happened.settled).toHaveLength(1)
      const whole = ending.name === 'an answer' || ending.name === 'a stream'
      expect(world.happened.settled[0]?.ended).toBe(whole ? 'settled' : 'released')
    })

    it('outlives its time while its request runs', async () => {
      const world = new World()
      world.credit(1_000)
      const key = await world.key()
      const gate = deferred<object>()
      const server = await serve(harness, {
        gateway: world.paid({ reservationTtl: '60s' }),
        routes: { 'POST /chat': () => gate.promise },
      })
      const body = { model: 'm', max_tokens: 100 }
      const answer = ask(server, 'POST /chat', { key, body })
      await until('it is held', () => world.ledger.balance('acme').held === 100)
      for (let minute = 0; minute < 10; minute++) {
        world.clock.advance(60_000)
        expect(world.ledger.balance('acme').held).toBe(100)
      }
      gate.resolve({ ok: true })
      expect((await answer).status).toBe(200)
      await world.untilQuiet()
      expect(world.happened.settled).toMatchObject([{ ended: 'settled' }])
    })

    it('is made by lazuQuota behind lazuAuth, too', async () => {
      const world = new World()
      const { keys, ledger, common } = world
      world.credit(100)
      const key = await world.key()
      const server = await serve(harness, {
        guards: {
          before: [{ name: 'lazuAuth', options: { keys, ...common } }],
          after: [{ name: 'lazuQuota', options: { ledger, prices, ...common } }],
        },
        routes: { 'POST /chat': ({ lazu }) => (lazu.charge(usage), { ok: true }) },
      })
      const body = { model: 'm', max_tokens: 100 }
      expect((await ask(server, 'POST /chat', { key, body })).status).toBe(200)
      await world.untilQuiet()
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 30 })
      expectError(await ask(server, 'POST /chat', { key, body }), 403, 'insufficient_quota')
    })
  })
}

/** One event, and then a failure. */
function breaking(): Readable {
  return Readable.from(
    (async function* () {
      yield 'data: 1\n\n'
      throw new Error('broken')
    })(),
  )
}
