// A gateway whose limits and money are in Redis, as a process of its own. Its one argument is JSON: the
// port of the Redis, and a key. Tells its parent where it listens. POST /heap writes what is on the heap
// to the file it is told, when the gateway has told the ledger everything.
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { writeHeapSnapshot } from 'node:v8'
import express from 'express'
import { createKeys, lazu, lazuErrors } from '@lazu/express'
import { redisLedger, redisLimits } from '@lazu/redis'
import { createClient } from 'redis'

/** @type {{ port: number, key: string }} */
const setup = JSON.parse(process.argv[2] ?? '')

const client = createClient({
  url: `redis://127.0.0.1:${setup.port}`,
  socket: { reconnectStrategy: 100 },
  // Otherwise each command leaves a timer of five seconds behind, which is as much as what is looked for.
  commandOptions: { timeout: 0 },
})
client.on('error', () => {
  // That the server is away is what the test is about.
})
await client.connect()

const account = 'acme'
const ledger = redisLedger(client)
await ledger.credit(account, 1_000_000_000, 'payment')
// It remembers how the last ten thousand ended. From here on each takes the place of another.
const many = 1_000
for (let from = 0; from < 10 * many; from += many) {
  await Promise.all(
    Array.from({ length: many }, async (_, index) => {
      const id = `${from + index}`.padStart(30, '0')
      await ledger.reserve({ id, account, key: 'none', amount: 1, ttlMs: 60_000 })
      await ledger.settle(id, 1)
    }),
  )
}

const keys = createKeys()
const limits = { rpm: 1_000_000, tpm: 1_000_000_000, concurrency: 1_000 }
await keys.import(setup.key, { account, name: 'key', limits })
const gateway = lazu({
  keys,
  ledger,
  limitStore: redisLimits(client),
  prices: { m: { input: 0, output: 0, call: 7 } },
  reservationTtl: 500,
  storeDeadline: 150,
  logger: { error() {}, warn() {} },
})

const app = express()
app.post('/heap', express.text(), async (request, response) => {
  await gateway.drained()
  // A connection is as much as what a hundred requests might leave.
  server.closeIdleConnections()
  while ((await connections()) > 1) await delay(10)
  response.json({ file: writeHeapSnapshot(request.body) })
})
app.use('/v1', gateway.admit, express.json(), gateway.meter)
app.post('/v1/chat', (_, response) => {
  response.json({ requestId: response.getHeader('x-request-id') })
})
app.use(lazuErrors())
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
const connections = promisify(server.getConnections.bind(server))
process.on('disconnect', () => process.exit())
