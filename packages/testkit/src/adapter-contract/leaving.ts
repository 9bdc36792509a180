import type { Guard } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import { endingRoutes, endings, endingTimeoutMs } from './endings.js'
import { until } from './waiting.js'
import { serve, World } from './world.js'

/** How long after its connection closed a request's signal must be aborted at the latest. */
const promptMs = 50

/** A client that leaves aborts the signal of its request. */
export function describeLeaving(harness: Harness): void {
  describe('the signal of a request', () => {
    const { routes, entered } = endingRoutes()
    const leavings = endings(entered).filter(({ name }) => name.startsWith('a client that leaves'))

    it.each(leavings)('is aborted at once: $name', async (ending) => {
      const world = new World()
      const key = await world.key()
      world.credit(1_000)
      let closedMs = Infinity
      let abortedMs = Infinity
      let reason: unknown
      const watching: Guard = {
        name: 'watching',
        phase: 'head',
        enter({ raw, signal }) {
          raw.request.socket.once('close', () => (closedMs = performance.now()))
          signal.addEventListener('abort', () => {
            abortedMs = performance.now()
            ;({ reason } = signal)
          })
        },
      }
      const server = await serve(harness, {
        guards: { own: [watching] },
        gateway: world.paid({ timeout: endingTimeoutMs }),
        routes,
      })
      await ending.run({ world, server, key })
      await until('the connection closed', () => closedMs < Infinity)
      await until('the signal was aborted', () => abortedMs < Infinity)
      expect(abortedMs - closedMs).toBeLessThan(promptMs)
      expect(reason).toMatchObject({ name: 'AbortError' })
      await world.untilQuiet()
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0 })
    })

    const completed = endings(entered).filter(
      (ending) => ending.completed && !ending.name.startsWith('a timeout'),
    )

    it.each(completed)('is not aborted by $name', async (ending) => {
      const world = new World()
      const key = await world.key()
      world.credit(1_000)
      const signals: AbortSignal[] = []
      let over = 0
      const watching: Guard = {
        name: 'watching',
        phase: 'head',
        enter: ({ signal }) => void signals.push(signal),
        leave: () => void over++,
      }
      const server = await serve(harness, {
        guards: { own: [watching] },
        gateway: world.paid(),
        routes,
      })
      await ending.run({ world, server, key })
      await until('the request is over', () => over === 1)
      expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    })
  })
}
