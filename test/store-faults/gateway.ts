import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { lazu, lazuErrors, type Gateway, type GatewayEvents } from '@lazu/express'
import { listening } from '@lazu/testkit'
import { onTestFinished } from 'vitest'
import { storeDeadlineMs, type OpenStore } from './stores.js'

/** What each request costs, in micro-USD. */
export const callMicros = 7

/** How long a request is in the handler. So that some are there when a fault begins, and when it ends. */
export const handlingMs = 30

/** How long a reservation lasts that nobody ends. */
export const reservationTtlMs = 1_000

/** A gateway on Express, and what happened in it. */
export interface TestedGateway extends Pick<Gateway, 'drained' | 'readiness'> {
  readonly url: string
  /** The ids of the requests that came through to the handler. */
  readonly handled: ReadonlySet<string>
  readonly unsettled: readonly GatewayEvents['unsettled'][]
}

/** Starts a server that is closed when the test is over. */
export async function startGateway({ keys, ledger }: OpenStore): Promise<TestedGateway> {
  const handled = new Set<string>()
  const unsettled: GatewayEvents['unsettled'][] = []
  const gateway = lazu({
    keys,
    ledger,
    prices: { m: { input: 0, output: 1_000_000 } },
    reservationTtl: reservationTtlMs,
    storeDeadline: storeDeadlineMs,
    logger: { error() {}, warn() {} },
  })
  gateway.on('unsettled', (event) => void unsettled.push(event))
  const app = express()
  // What a decision is compared with: a bare timer behind the same server.
  app.post('/after/:ms', async (request, response) => {
    await delay(Number(request.params.ms))
    response.json({})
  })
  app.use('/v1', gateway.admit, express.json(), gateway.meter)
  app.post('/v1/chat', async (request, response) => {
    const { requestId } = request.lazu
    handled.add(requestId)
    request.lazu.charge({ micros: callMicros })
    await delay(handlingMs)
    response.json({ requestId })
  })
  app.use(lazuErrors())
  const server = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(() => server.close())
  return {
    url: server.url,
    handled,
    unsettled,
    drained: gateway.drained,
    readiness: gateway.readiness,
  }
}
