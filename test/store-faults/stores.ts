import { createKeys, type Keys, type Ledger } from '@lazu/core'
import { postgresStore } from '@lazu/postgres'
import { redisLedger, type RedisLedger, type RedisLedgerOptions } from '@lazu/redis'
import { Pool } from 'pg'
import { createClient } from 'redis'

/** Keys and money behind a port. */
export interface OpenStore {
  readonly keys: Keys
  readonly ledger: Ledger
  close(): Promise<void>
}

/** A kind of store, and how a gateway on it is set up. */
export interface StoreKind {
  /** How long a decision waits at most: for each store it asks, its deadline. */
  readonly deadlinesMs: number
  /** @param port of the server, or of what stands before it */
  open(port: number, name: string): Promise<OpenStore>
}

/**
 * How long each store is waited for. More than the 50 ms of a gateway that was told nothing, which
 * a machine that runs other tests exceeds without any fault.
 */
export const storeDeadlineMs = 100

/**
 * How long the clients in these tests wait before they connect again. By itself the one of node-redis
 * waits up to two seconds.
 */
export const reconnectMs = 200

// A key is read again in the midst of a fault.
const cache = { knownMs: 200 }

/** Keys and ledger in PostgreSQL. */
export const postgresKind: StoreKind = {
  deadlinesMs: 2 * storeDeadlineMs,
  async open(port, schema) {
    const pool = new Pool({
      connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`,
      connectionTimeoutMillis: 2_000,
      query_timeout: 5_000,
    })
    const store = postgresStore({ pool, schema })
    await store.migrate()
    return {
      keys: createKeys({ store: store.keys, cache, storeDeadline: storeDeadlineMs }),
      ledger: store.ledger,
      async close() {
        await store.close()
        await pool.end()
      },
    }
  },
}

/** The ledger in Redis, keys in memory. */
export const redisKind: StoreKind = {
  deadlinesMs: storeDeadlineMs,
  open: (port, prefix) => openRedis(port, { prefix }),
}

/** Opens a ledger in Redis, with keys in memory. */
export async function openRedis(
  port: number,
  options: RedisLedgerOptions,
): Promise<OpenStore & { readonly ledger: RedisLedger }> {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    socket: { reconnectStrategy: reconnectMs },
  })
  client.on('error', () => {
    // That the server is away is what the tests are about.
  })
  await client.connect()
  return {
    keys: createKeys(),
    ledger: redisLedger(client, options),
    async close() {
      client.destroy()
    },
  }
}
