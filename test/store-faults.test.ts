import { usd, type Ledger, type Movement, type Readiness } from '@lazu/core'
import {
  describeWithPostgres,
  describeWithRedis,
  startFaultProxy,
  type FaultProxy,
} from '@lazu/testkit'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { faults } from './store-faults/faults.js'
import {
  callMicros,
  handlingMs,
  reservationTtlMs,
  startGateway,
  type TestedGateway,
} from './store-faults/gateway.js'
import { atMostMs, heldUpMs, isBetween, Load, p99, type Asked } from './store-faults/load.js'
import { postgresProcesses, redisProcesses, type ServerProcesses } from './store-faults/servers.js'
import { collectUnhandled } from './store-faults/unhandled.js'
import { postgresKind, redisKind, type StoreKind } from './store-faults/stores.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const faultMs = 1_000

/** By how much decisions may exceed their deadlines. */
const graceMs = 20

/** How long it may take until requests are served again. */
const recoveryMs = 2_000

/** For what has to come, on a machine that may have others to run. */
const patience = { timeout: 20_000, interval: 20 }

describeWithPostgres('keys and money', (server) => {
  standsFaults(postgresKind, server, () => postgresProcesses(server()))
})

describeWithRedis('money', (server) => {
  standsFaults(redisKind, server, () => redisProcesses(server()))
})

function standsFaults(
  kind: StoreKind,
  server: () => { readonly port: number },
  processesOf: () => Promise<ServerProcesses>,
): void {
  let processes: ServerProcesses | undefined

  beforeAll(async () => {
    processes = await processesOf()
  })

  afterAll(async () => {
    await processes?.end()
  })

  it.for(faults.map((fault, index) => ({ ...fault, index })))(
    'are safe when the server $name',
    async ({ index, ...fault }) => {
      if (processes === undefined) throw new Error('there is no server')
      const unhandled = collectUnhandled()
      const name = `faults_${index}`
      const { proxy, ledger, load, gateway, unreadKey } = await underLoad(kind, server().port, name)
      await vi.waitFor(() => {
        expect(load.served.length).toBeGreaterThan(100)
        expect(load.isServed(0)).toBe(true)
      }, patience)

      const end = await fault.begin({ proxy, processes })
      const beganMs = performance.now()
      const isOver = (): boolean => performance.now() > beganMs + faultMs
      let heldUp: number
      let readiness: Readiness
      try {
        const asking = load.ask(unreadKey)
        heldUp = await heldUpMs(gateway.url, kind.deadlinesMs + handlingMs, isOver)
        readiness = gateway.readiness()
        await asking
      } finally {
        await end()
      }
      const endedMs = performance.now()
      await vi.waitFor(() => expect(load.isServed(endedMs)).toBe(true), patience)
      await load.stop()
      // A store that nobody asks shows nobody that it is back.
      await vi.waitFor(async () => {
        await load.ask()
        expect(gateway.readiness().status).toBe('ok')
      }, patience)
      await gateway.drained()

      expectRefusals(load.asked)
      const meanwhile = load.asked.filter(isBetween(beganMs, beganMs + faultMs))
      expect(meanwhile.some(({ status }) => status === 503)).toBe(true)
      expect(fault.isTotal ? readiness.status : 'degraded').toBe('degraded')
      // One that comes at the end of a fault may be in time when it is over.
      const atFirst = load.asked.filter(isBetween(beganMs, beganMs + faultMs / 2))
      const servedAtFirst = atFirst.filter(({ status }) => status === 200)
      expect(servedAtFirst.length).toBeLessThanOrEqual(fault.isTotal ? 0 : atFirst.length)
      const decidedMs = p99(meanwhile.map(({ tookMs }) => tookMs))
      expect(decidedMs).toBeLessThan(atMostMs(kind.deadlinesMs + handlingMs + graceMs, heldUp))
      const backMs = load.served.find((one) => one.beganMs > endedMs)?.beganMs ?? Infinity
      expect(backMs - endedMs).toBeLessThan(atMostMs(recoveryMs, heldUp))

      const served = load.served.map(({ requestId }) => requestId ?? '')
      expect(new Set(served)).toEqual(gateway.handled)
      expect(gateway.unsettled).toEqual([])
      await vi.waitFor(
        async () => {
          const settled = served.length * callMicros
          expect(await ledger.balance('acme')).toMatchObject({ settled, held: 0 })
        },
        { timeout: reservationTtlMs + 5_000, interval: 50 },
      )
      for (const id of served) expect(await chargesOf(ledger, id)).toEqual([callMicros])
      expect(unhandled).toEqual([])
    },
  )
}

/** A gateway on a store behind a proxy, and requests that are under way. */
async function underLoad(
  kind: StoreKind,
  port: number,
  name: string,
): Promise<{
  readonly proxy: FaultProxy
  /** What the ledger has, past the proxy. */
  readonly ledger: Ledger
  readonly load: Load
  readonly gateway: TestedGateway
  /** A good key that the gateway has never read. */
  readonly unreadKey: string
}> {
  const proxy = await startFaultProxy({ port })
  onTestFinished(() => proxy.close())
  const audit = await kind.open(port, name)
  onTestFinished(() => audit.close())
  const store = await kind.open(proxy.port, name)
  onTestFinished(() => store.close())
  await audit.ledger.credit('acme', usd(100), 'c1')
  const { key } = await store.keys.create({ account: 'acme', name: 'read' })
  const { key: unreadKey } = await store.keys.create({ account: 'acme', name: 'unread' })
  const gateway = await startGateway(store)
  const load = new Load(gateway.url, key)
  onTestFinished(() => load.stop())
  return { proxy, ledger: audit.ledger, load, gateway, unreadKey }
}

/** What was charged for a request, under its own id and those of charges that came late. */
async function chargesOf(ledger: Ledger, requestId: string): Promise<readonly number[]> {
  const movements: Movement[] = []
  let late = 0
  let found = (await ledger.movements?.(requestId)) ?? []
  // Each time its reservation has expired it gets another one, with the next id.
  do {
    movements.push(...found)
    found = (await ledger.movements?.(`${requestId}-late${++late}`)) ?? []
  } while (found.length > 0)
  return movements.filter(({ kind }) => kind === 'settled').map(({ amount }) => amount)
}

/** Whatever was not answered 200 was told that it is the gateway's own trouble. */
function expectRefusals(asked: readonly Asked[]): void {
  for (const one of asked.filter(({ status }) => status !== 200)) {
    expect(one).toMatchObject({ status: 503, code: 'gateway_overloaded' })
    expect(one.degraded).toMatch(/keys|ledger/)
  }
}
