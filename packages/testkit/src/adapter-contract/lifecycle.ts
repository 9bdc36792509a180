import { GatewayError, type Guard, type Outcome } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import { ask, expectError, open } from './client.js'
import { endingRoutes, endings, endingTimeoutMs } from './endings.js'
import { deferred, until } from './waiting.js'
import { serve, World } from './world.js'

/** Guards are told once how a request ended, however it did. */
export function describeLifecycle(harness: Harness): void {
  describe('the end of a request', () => {
    const { routes, entered } = endingRoutes()

    it.each(endings(entered))('is told to each guard once: $name', async (ending) => {
      const world = new World()
      const key = await world.key()
      world.credit(1_000)
      const told: { guard: string; outcome: Outcome }[] = []
      const own = ['outer', 'inner'].map((name): Guard => ({
        name,
        phase: 'head',
        enter() {},
        leave: (_, outcome) => void told.push({ guard: name, outcome }),
      }))
      const server = await serve(harness, {
        guards: { own },
        gateway: world.paid({
          timeout: endingTimeoutMs,
          limits: { concurrency: 1, tpm: 1_000 },
        }),
        routes,
      })
      await ending.run({ world, server, key })
      await until('the guards were told', () => told.length >= 2)
      await world.untilQuiet()
      expect(told.map(({ guard }) => guard)).toEqual(['inner', 'outer'])
      // The status of a response that did not come through is what it would have been.
      const { status, completed } = ending
      expect(told[0]?.outcome).toMatchObject(completed ? { completed, status } : { completed })
      expect(told[1]?.outcome).toBe(told[0]?.outcome)

      // The place among the requests in flight is free again, and nothing is told a second time.
      const body = { model: 'm', max_tokens: 10 }
      expect((await ask(server, 'POST /ok', { key, body })).status).toBe(200)
      await until('the guards were told of the second request', () => told.length >= 4)
      expect(told).toHaveLength(4)
    })

    it('is told to no guard that was not entered', async () => {
      const told: string[] = []
      const guard = (name: string, enter: () => void): Guard => ({
        name,
        phase: 'head',
        enter,
        leave: () => void told.push(name),
      })
      const server = await serve(harness, {
        guards: {
          own: [
            guard('first', () => {}),
            guard('refusing', () => {
              throw new GatewayError('access_denied')
            }),
            guard('last', () => {}),
          ],
        },
        routes: { 'GET /ok': () => ({ ok: true }) },
      })
      expectError(await ask(server, 'GET /ok'), 403, 'access_denied')
      await until('somebody was told', () => told.length > 0)
      expect(told).toEqual(['first'])
    })

    it('reaches the client as it is when a guard fails at it', async () => {
      const world = new World()
      const left = deferred()
      const own: Guard[] = [
        { name: 'first', phase: 'head', enter() {}, leave: () => left.resolve() },
        {
          name: 'late',
          phase: 'head',
          enter() {},
          leave: () => Promise.reject(new Error('later')),
        },
        {
          name: 'failing',
          phase: 'head',
          enter() {},
          leave() {
            throw new Error('at once')
          },
        },
      ]
      const server = await serve(harness, {
        guards: { own },
        gateway: { ...world.common },
        routes: { 'GET /ok': () => ({ ok: true }) },
      })
      expect(await ask(server, 'GET /ok')).toMatchObject({ status: 200, text: '{"ok":true}' })
      await left.promise
      await until('both failures are logged', () => world.log.length === 2)
      expect(world.log.map(({ message }) => message)).toEqual([
        'the guard failing failed',
        'the guard late failed',
      ])
    })

    it('guards that wait hold up the handler until they are done', async () => {
      const world = new World()
      const gate = deferred()
      const order: string[] = []
      const own: Guard[] = [
        {
          name: 'waiting',
          phase: 'head',
          async enter() {
            order.push('entered')
            await gate.promise
            order.push('passed')
          },
        },
      ]
      const server = await serve(harness, {
        guards: { own },
        errors: world.common,
        routes: { 'GET /ok': () => ({ handled: order.push('handled') }) },
      })
      const response = open(server, 'GET /ok')
      await until('the guard was entered', () => order.length === 1)
      gate.resolve()
      expect((await response).status).toBe(200)
      expect(order).toEqual(['entered', 'passed', 'handled'])
    })

    it('no handler runs for a client that left while a guard waited', async () => {
      const world = new World()
      const gate = deferred()
      const told: Outcome[] = []
      let reached = 0
      let handled = 0
      let closed = false
      const own: Guard[] = [
        {
          name: 'waiting',
          phase: 'head',
          enter({ raw }) {
            raw.request.socket.once('close', () => (closed = true))
            reached++
            return gate.promise
          },
          leave: (_, outcome) => void told.push(outcome),
        },
      ]
      const server = await serve(harness, {
        guards: { own },
        gateway: { ...world.common },
        routes: { 'GET /ok': () => ({ handled: ++handled }) },
      })
      const abort = new AbortController()
      const response = open(server, 'GET /ok', { signal: abort.signal })
      await until('the guard was entered', () => reached === 1)
      abort.abort()
      await expect(response).rejects.toThrow('aborted')
      await until('the server heard of it', () => closed)
      gate.resolve()
      await until('the guard was told', () => told.length === 1)
      expect(told[0]?.completed).toBe(false)
      expect(handled).toBe(0)
    })
  })
}
