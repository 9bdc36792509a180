import { redisLimits } from '@lazu/redis'
import { describeWithRedis, runLimitGuardContract } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fastifyHarness } from '../packages/fastify/test/harness.js'
import { processesForTests } from './shared-limits/processes.js'

vi.setConfig({ testTimeout: 60_000 })

describeWithRedis('limits that are shared', (server) => {
  let client: ReturnType<typeof createClient> | undefined
  let prefixes = 0

  beforeAll(async () => {
    client = createClient({ url: server().url })
    await client.connect()
  })

  afterAll(() => client?.destroy())

  runLimitGuardContract('redisLimits()', fastifyHarness, (clock) => {
    if (client === undefined) throw new Error('there is no client')
    return redisLimits(client, { clock, prefix: `test ${prefixes++}` })
  })
})

const loads = [0.9, 1.2, 2]
const limits = [10, 100, 1_000]

describeWithRedis('the limits of several processes', (server) => {
  const processes = processesForTests(() => server().url, 5)

  describe.each([1, 3, 5])('of %i', (count) => {
    it.each(limits)('let through so many requests and no more: %i', async (limit) => {
      for (const load of loads) {
        const sent = Math.round(limit * load)
        const some = processes().first(count)
        const startedMs = performance.now()
        const statuses = await Promise.all(
          Array.from({ length: sent }, () => some.ask('/ok', `rpm-${limit} ${count} ${load}`)),
        )
        const flowedIn = ((performance.now() - startedMs) * limit) / 60_000
        const passed = statuses.filter((status) => status === 200).length
        expect(statuses.filter((status) => status === 429)).toHaveLength(sent - passed)
        expect(passed).toBeGreaterThanOrEqual(Math.min(sent, limit))
        expect(passed).toBeLessThanOrEqual(limit + flowedIn)
      }
    })

    it.each(limits)('hold so many requests at once and no more: %i', async (limit) => {
      const some = processes().first(count)
      for (const load of loads) {
        const sent = Math.round(limit * load)
        const held = Math.min(sent, limit)
        let refused = 0
        const asking = Array.from({ length: sent }, async () => {
          const status = await some.ask('/hold', `held-${limit} ${count}`)
          if (status === 429) refused++
          return status
        })
        await vi.waitFor(
          async () => {
            expect([refused, await some.held()]).toEqual([sent - held, held])
          },
          { timeout: 30_000, interval: 20 },
        )
        await some.release()
        const statuses = await Promise.all(asking)
        expect(statuses.filter((status) => status === 200)).toHaveLength(held)
        // A place is given back behind the answer.
        await untilFree(server().url, `held-${limit}:concurrency:custom:held-${limit} ${count}`)
      }
    })

    it('let through what flows in and no more, while they are asked all the time', async () => {
      const burst = 50
      const perMs = 3_000 / 60_000
      const some = processes().first(count)
      const startedMs = performance.now()
      let firstPassedMs: number | undefined
      let refusedMs = 0
      let passed = 0
      const ask = async (): Promise<void> => {
        while (refusedMs < startedMs + 1_000) {
          const askedMs = performance.now()
          const status = await some.ask('/ok', `steady ${count}`)
          if (status === 429) refusedMs = Math.max(refusedMs, askedMs)
          if (status !== 200) continue
          passed++
          firstPassedMs ??= performance.now()
        }
      }
      await Promise.all(Array.from({ length: 20 }, ask))
      expect(passed).toBeLessThanOrEqual(burst + (performance.now() - startedMs) * perMs)
      // When the last one was refused there was less than one left.
      const flowedIn = (refusedMs - (firstPassedMs ?? 0)) * perMs
      expect(passed).toBeGreaterThanOrEqual(0.99 * (burst + flowedIn) - 1)
    })
  })
})

async function untilFree(url: string, name: string): Promise<void> {
  const client = await createClient({ url }).connect()
  const key = `{lazu:limits}:${name}`
  await vi.waitFor(async () => expect(await client.zCard(key)).toBe(0), { timeout: 10_000 })
  client.destroy()
}
