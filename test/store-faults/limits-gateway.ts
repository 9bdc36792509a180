import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { createKeys, lazu, lazuErrors, type Gateway } from '@lazu/express'
import { redisLimits } from '@lazu/redis'
import { listening } from '@lazu/testkit'
import { createClient } from 'redis'
import { onTestFinished } from 'vitest'
import { reconnectMs, storeDeadlineMs } from './stores.js'

/** How long a request is in the handler. */
export const handlingMs = 30

/** A gateway on Express whose limits are in a Redis. */
export interface LimitedGateway extends Pick<Gateway, 'readiness'> {
  readonly url: string
  /**
   * A key whose limits a load does not come to, though a place that was taken and not told of is held
   * until it is given back.
   */
  readonly key: string
}

/**
 * Starts a server that is closed when the test is over.
 *
 * @param port of the Redis, or of what stands before it
 */
export async function startLimitedGateway(port: number): Promise<LimitedGateway> {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    socket: { reconnectStrategy: reconnectMs },
  })
  client.on('error', () => {
    // That the server is away is what the tests are about.
  })
  await client.connect()
  onTestFinished(() => client.destroy())
  const keys = createKeys()
  const limits = { rpm: 1_000_000, tpm: 1_000_000_000, concurrency: 100 }
  const { key } = await keys.create({ account: 'acme', name: 'key', limits })
  const gateway = lazu({
    keys,
    limitStore: redisLimits(client),
    storeDeadline: storeDeadlineMs,
    logger: { error() {}, warn() {} },
  })
  const app = express()
  // What a decision is compared with: a bare timer behind the same server.
  app.post('/after/:ms', async (request, response) => {
    await delay(Number(request.params.ms))
    response.json({})
  })
  app.use('/v1', gateway.admit, express.json(), gateway.meter)
  app.post('/v1/chat', async (request, response) => {
    await delay(handlingMs)
    request.lazu.charge({ input_tokens: 1, output_tokens: 1 })
    response.json({ requestId: request.lazu.requestId })
  })
  app.use(lazuErrors())
  const server = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(() => server.close())
  return { url: server.url, key, readiness: gateway.readiness }
}
