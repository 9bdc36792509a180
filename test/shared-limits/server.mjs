// A gateway whose limits are in Redis, as a process of its own. Its one argument is the URL of the
// Redis. Tells its parent where it listens. Requests say in x-counted by which rule they are counted.
import { lazu } from '@lazu/fastify'
import { redisLimits } from '@lazu/redis'
import Fastify from 'fastify'
import { createClient } from 'redis'

const client = await createClient({ url: process.argv[2] ?? '' }).connect()

/** @param {string} rule */
const by = (rule) => (/** @type {import('@lazu/core').Exchange} */ exchange) => {
  const counted = exchange.header('x-counted') ?? ''
  return counted.startsWith(`${rule} `) ? counted : undefined
}

// Else a connection may be closed in the moment it is used again.
const app = Fastify({ keepAliveTimeout: 120_000 })
await app.register(lazu, {
  limitStore: redisLimits(client),
  // A machine that runs other tests is slow, and nothing is to be counted by this process alone.
  storeDeadline: '20s',
  limits: [
    { name: 'steady', rpm: 3_000, burst: 50, by: by('steady') },
    ...[10, 100, 1_000].flatMap((limit) => [
      { name: `rpm-${limit}`, rpm: limit, by: by(`rpm-${limit}`) },
      { name: `held-${limit}`, concurrency: limit, by: by(`held-${limit}`) },
    ]),
  ],
})

/** @type {(() => void)[]} */
const held = []
app.get('/ok', async () => ({}))
app.get('/hold', async () => {
  await new Promise((resolve) => void held.push(() => resolve(undefined)))
  return {}
})
app.get('/held', async () => ({ held: held.length }))
app.post('/release', async () => {
  for (const release of held.splice(0)) release()
  return {}
})
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
process.on('disconnect', () => process.exit())
const [address] = app.addresses()
process.send?.(address?.port)
