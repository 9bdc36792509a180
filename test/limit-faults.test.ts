import { setTimeout as delay } from 'node:timers/promises'
import type { Readiness } from '@lazu/core'
import { describeWithRedis, startFaultProxy } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { faults, type Fault } from './store-faults/faults.js'
import { handlingMs, startLimitedGateway } from './store-faults/limits-gateway.js'
import { atMostMs, heldUpMs, isBetween, Load, p99 } from './store-faults/load.js'
import { redisProcess, type ServerProcesses } from './store-faults/servers.js'
import { reconnectMs, storeDeadlineMs } from './store-faults/stores.js'
import { collectUnhandled } from './store-faults/unhandled.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const faultMs = 600

/** How long a request takes at most: the store is asked before the body and behind it. */
const decisionMs = 2 * storeDeadlineMs + handlingMs

/** By how much decisions may exceed their deadlines. */
const graceMs = 20

/** How long it may take until the store decides again. */
const recoveryMs = 2_000 + reconnectMs

/**
 * Requests that this process decides are served so fast that a load without pauses takes all of a small
 * machine, and answers of the store come too late for that alone.
 */
const pauseMs = 100

/** For what has to come, on a machine that may have others to run. */
const patience = { timeout: 20_000, interval: 20 }

describeWithRedis('limits', (server) => {
  let processes: ServerProcesses | undefined

  beforeAll(() => {
    processes = redisProcess(server())
  })

  afterAll(async () => {
    await processes?.end()
  })

  const emptied: Fault = {
    name: 'is emptied all the time',
    isTotal: false,
    async begin() {
      const client = await createClient({ url: server().url }).connect()
      const emptying = setInterval(() => void client.flushAll().catch(() => undefined), 50)
      return async () => {
        clearInterval(emptying)
        client.destroy()
      }
    },
  }

  it.for([...faults, emptied])('stand it when the server $name', async (fault) => {
    if (processes === undefined) throw new Error('there is no server')
    const unhandled = collectUnhandled()
    const proxy = await startFaultProxy({ port: server().port })
    onTestFinished(() => proxy.close())
    const gateway = await startLimitedGateway(proxy.port)
    const load = new Load(gateway.url, gateway.key, pauseMs)
    onTestFinished(() => load.stop())
    await vi.waitFor(() => expect(load.isServedByStores(0)).toBe(true), patience)

    const end = await fault.begin({ proxy, processes })
    const beganMs = performance.now()
    let isBack = false
    const holdingUp = heldUpMs(gateway.url, decisionMs, () => isBack)
    let readiness: Readiness
    try {
      await delay(faultMs)
      readiness = gateway.readiness()
    } finally {
      await end()
    }
    const endedMs = performance.now()
    try {
      await vi.waitFor(() => expect(backMs(load, endedMs)).toBeLessThan(Infinity), patience)
    } finally {
      isBack = true
    }
    const heldUp = await holdingUp
    await load.stop()
    // A store that nobody asks shows nobody that it is back.
    await vi.waitFor(async () => {
      await load.ask()
      expect(gateway.readiness().status).toBe('ok')
    }, patience)

    // What the store does not decide, this process does, and its part is all of the limit.
    expect(load.asked.filter(({ status }) => status !== 200)).toEqual([])
    const meanwhile = load.asked.filter(isBetween(beganMs, beganMs + faultMs))
    const decidedHere = meanwhile.filter(({ degraded }) => degraded === 'limits')
    expect(decidedHere.length).toBeGreaterThanOrEqual(fault.isTotal ? 1 : 0)
    expect(fault.isTotal ? readiness.stores['limits'] : 'degraded').toBe('degraded')
    const atFirst = load.asked.filter(isBetween(beganMs, beganMs + faultMs / 2))
    const byStore = atFirst.filter(({ degraded }) => degraded === null)
    expect(byStore.length).toBeLessThanOrEqual(fault.isTotal ? 0 : atFirst.length)
    const decidedMs = p99(meanwhile.map(({ tookMs }) => tookMs))
    expect(decidedMs).toBeLessThan(atMostMs(decisionMs + graceMs, heldUp))
    expect(backMs(load, endedMs)).toBeLessThan(atMostMs(recoveryMs, heldUp))
    expect(unhandled).toEqual([])
  })
})

/** How long behind a fault the store decided again; Infinity when it has not. */
function backMs(load: Load, endedMs: number): number {
  const back = load.served.find((one) => one.beganMs > endedMs && one.degraded === null)
  return (back?.beganMs ?? Infinity) - endedMs
}
