import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import { ask, askUntilGivenBack, expectError, open } from './client.js'
import { deferred, until } from './waiting.js'
import { serve, World, type MakeLimitStore } from './world.js'

/** Requests in flight. */
export function describeConcurrency(harness: Harness, makeLimitStore?: MakeLimitStore): void {
  const makeWorld = (): World => new World(makeLimitStore)

  describe('requests in flight', () => {
    it('are limited, and a refusal takes no request from the minute', async () => {
      const world = makeWorld()
      const key = await world.key()
      const gate = deferred()
      let running = 0
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { rpm: 10, concurrency: 2 } }),
        routes: {
          'GET /slow': async () => {
            running++
            await gate.promise
            return { ok: true }
          },
          'GET /ok': ({ lazu }) => ({ left: lazu.limits[0]?.remaining }),
        },
      })
      const slow = [open(server, 'GET /slow', { key }), open(server, 'GET /slow', { key })]
      await until('two requests run', () => running === 2)
      for (let count = 0; count < 5; count++) {
        const refused = await ask(server, 'GET /ok', { key })
        const { message, details } = expectError(refused, 429, 'concurrency_limit_exceeded')
        expect(message).toBe('Concurrency limit exceeded (2 at once)')
        expect(details).toEqual({ rule: 'concurrency', limit: 2 })
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      }
      gate.resolve()
      for (const response of slow) await (await response).text()
      const next = await askUntilGivenBack(server, 'GET /ok', { key })
      expect(next).toMatchObject({ text: '{"left":7}' })
    })

    it('let through exactly three of fifty at once', async () => {
      const world = makeWorld()
      const key = await world.key()
      const gate = deferred()
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { concurrency: 3 } }),
        routes: {
          'GET /slow': async () => {
            await gate.promise
            return { ok: true }
          },
        },
      })
      const answers = Array.from({ length: 50 }, () => ask(server, 'GET /slow', { key }))
      await until('the others are refused', () => world.happened.refused.length === 47)
      gate.resolve()
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 200)).toHaveLength(3)
    })

    it('are not counted when the rate refuses', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { rpm: 1, concurrency: 1 } }),
        routes: { 'GET /ok': () => ({ ok: true }) },
      })
      expect((await ask(server, 'GET /ok', { key })).status).toBe(200)
      for (let count = 0; count < 3; count++) {
        expectError(await ask(server, 'GET /ok', { key }), 429, 'request_rate_limit_exceeded')
      }
      world.clock.advance(60_000)
      expect((await ask(server, 'GET /ok', { key })).status).toBe(200)
    })
  })
}
