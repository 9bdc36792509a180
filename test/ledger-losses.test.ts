import { MemoryLedger, usd } from '@lazu/core'
import { journalInto, type RedisLedgerOptions } from '@lazu/redis'
import {
  describeWithRedis,
  startFaultProxy,
  startRedis,
  type FaultProxy,
  type RedisServer,
} from '@lazu/testkit'
import { createClient } from 'redis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { callMicros, reservationTtlMs, startGateway } from './store-faults/gateway.js'
import { Load } from './store-faults/load.js'
import { openRedis } from './store-faults/stores.js'
import { collectUnhandled } from './store-faults/unhandled.js'

vi.setConfig({ testTimeout: 60_000 })

const granted = usd(100)

/** For what has to come, on a machine that may have others to run. */
const patience = { timeout: 20_000, interval: 20 }

/** A way to lose all data. */
interface Loss {
  readonly name: string
  /** Gives the port of the Redis that is asked from now on. */
  readonly happen: (proxy: FaultProxy, first: RedisServer) => Promise<number>
}

const losses: readonly Loss[] = [
  {
    name: 'is emptied',
    async happen(_, { url, port }) {
      const client = await createClient({ url }).connect()
      await client.flushAll()
      client.destroy()
      return port
    },
  },
  {
    name: 'fails over to an empty replica',
    async happen(proxy) {
      const replica = await startRedis()
      onTestFinished(() => replica.stop())
      proxy.switchTo(replica)
      return replica.port
    },
  },
]

describeWithRedis('the money of a gateway under load', (server) => {
  describe.each(losses)('when Redis $name', ({ name, happen }) => {
    it('is loaded again from a durable ledger: none more, and none less', async () => {
      const unhandled = collectUnhandled()
      const durable = new MemoryLedger()
      const options = { durable, prefix: `durable ${name}` }
      const { proxy, ledger, gateway, load } = await underLoad(server().port, options)
      await ledger.drainJournal(journalInto(durable))
      const drained = load.served.length
      // So that some of it is in nobody's memory but this process's.
      await vi.waitFor(() => expect(load.served.length).toBeGreaterThan(drained + 20), patience)

      const port = await happen(proxy, server())
      const lostMs = performance.now()
      await vi.waitFor(() => expect(load.isServed(lostMs)).toBe(true), patience)
      await load.stop()
      await gateway.drained()

      expect(gateway.unsettled).toEqual([])
      await expectCharged(port, options, load, gateway.handled)
      await ledger.drainJournal(journalInto(durable))
      const settled = load.served.length * callMicros
      expect(durable.balance('acme')).toMatchObject({ granted, settled })
      expect(unhandled).toEqual([])
    })

    it('is touched by nobody until somebody says what there was', async () => {
      const unhandled = collectUnhandled()
      const options = { prefix: `alone ${name}` }
      const { proxy, ledger, gateway, load } = await underLoad(server().port, options)

      const port = await happen(proxy, server())
      const lostMs = performance.now()
      const isLost = (one: Load['asked'][number]): boolean => one.beganMs > lostMs
      // Redis is asked for each of them: it works, but for this account.
      const enough = 100
      await vi.waitFor(() => {
        expect(load.asked.filter(isLost).length).toBeGreaterThan(enough)
        expect(gateway.readiness().status).toBe('degraded')
      }, patience)
      const lost = load.asked.filter(isLost)
      expect(lost.filter(({ status }) => status !== 503)).toEqual([])

      await vi.waitFor(() => ledger.restore('acme', { granted, settled: 0 }), patience)
      const restoredMs = performance.now()
      await vi.waitFor(() => expect(load.isServed(restoredMs)).toBe(true), patience)
      await load.stop()
      await gateway.drained()

      expect(gateway.unsettled).toEqual([])
      await expectCharged(port, options, load, gateway.handled)
      expect(unhandled).toEqual([])
    })
  })
})

/** A gateway on a Redis behind a proxy, and requests that are under way. */
async function underLoad(serverPort: number, options: RedisLedgerOptions) {
  const proxy = await startFaultProxy({ port: serverPort })
  onTestFinished(() => proxy.close())
  const store = await openRedis(proxy.port, options)
  onTestFinished(() => store.close())
  const { ledger, keys } = store
  await ledger.credit('acme', granted, 'payment')
  const { key } = await keys.create({ account: 'acme', name: 'key' })
  const gateway = await startGateway(store)
  const load = new Load(gateway.url, key)
  onTestFinished(() => load.stop())
  await vi.waitFor(() => expect(load.served.length).toBeGreaterThan(50), patience)
  return { proxy, ledger, gateway, load }
}

/** Each request that was served was charged once, as somebody sees who knows Redis alone. */
async function expectCharged(
  port: number,
  options: RedisLedgerOptions,
  load: Load,
  handled: ReadonlySet<string>,
): Promise<void> {
  expect(new Set(load.served.map(({ requestId }) => requestId))).toEqual(handled)
  const others = load.asked.filter(({ status }) => status !== 200)
  expect(others.filter(({ code }) => code !== 'gateway_overloaded')).toEqual([])
  const store = await openRedis(port, options)
  onTestFinished(() => store.close())
  const settled = load.served.length * callMicros
  await vi.waitFor(
    async () => {
      expect(await store.ledger.balance('acme')).toMatchObject({ granted, settled, held: 0 })
    },
    { timeout: reservationTtlMs + 5_000, interval: 50 },
  )
}
