// A gateway whose money is in a store, as a process of its own. Its one argument is JSON: the URL of
// the store, a Redis or a PostgreSQL; what a call costs; the keys, by their accounts. Tells its parent
// where it listens.
import { createKeys, lazu } from '@lazu/fastify'
import { postgresStore } from '@lazu/postgres'
import { redisLedger } from '@lazu/redis'
import Fastify from 'fastify'
import { Pool } from 'pg'
import { createClient } from 'redis'

/** @type {{ url: string, callMicros: number, keys: Record<string, string> }} */
const setup = JSON.parse(process.argv[2] ?? '')
const { url, callMicros } = setup

const ledger = url.startsWith('redis:')
  ? redisLedger(await createClient({ url }).connect())
  : postgresStore({ pool: new Pool({ connectionString: url }) }).ledger

const keys = createKeys()
// Each process has its own record of them, for the money alone is shared.
for (const [account, key] of Object.entries(setup.keys)) {
  await keys.import(key, { account, name: account })
}

const app = Fastify()
await app.register(lazu, {
  keys,
  ledger,
  // A machine that runs other tests is slow, and nothing is to be refused for that.
  storeDeadline: '20s',
  prices: { m: { input: 0, output: 0, call: callMicros } },
})
app.post('/v1/chat', async () => ({ ok: true }))
await app.listen({ port: 0, host: '127.0.0.1' })
process.on('disconnect', () => process.exit())
const [address] = app.addresses()
process.send?.(address?.port)
