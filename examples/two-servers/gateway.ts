import { chatSchema, models } from '@lazu/example-model'
import { createKeys, usd, type GatewayOptions, type Keys, type Ledger } from '@lazu/express'
import { postgresStore } from '@lazu/postgres'
import { redisLimits } from '@lazu/redis'
import { Pool } from 'pg'
import { connectRedis } from './redis.js'
import { urlIn } from './url-in.js'

/** How many processes serve. */
export const serverCount = 2

/** What a key may do, whichever process serves its requests. */
const limits = { rpm: 600, tpm: 1_000_000, concurrency: 100 }

/** Micro-USD per million tokens. */
const price = { input: usd(2.5), output: usd(10) }

/** The longest answer of the built-in models. */
const defaultOutputTokens = 256

/**
 * How long Postgres and Redis are waited for. Requests of one account take turns in Postgres, and the
 * first ones wait for a connection, too.
 */
const storeDeadline = '2s'

/** A gateway's options, on stores that every process shares. */
export interface SharedGateway {
  /** What `lazu()` is given. */
  readonly options: GatewayOptions
  readonly keys: Keys
  readonly ledger: Ledger
  /** Makes what the database has not yet. Several processes may do this at once. */
  readonly migrate: () => Promise<void>
  /** Ends the connection to Redis, when no more requests come. */
  readonly closeLimits: () => void
  /** Ends all connections. */
  readonly close: () => Promise<void>
}

/**
 * Opens the stores in the database that DATABASE_URL names, and the limits in the Redis of REDIS_URL.
 *
 * @throws Error when one of them is not set, and when that Redis cannot be connected to
 */
export async function openGateway(): Promise<SharedGateway> {
  const connectionString = urlIn('DATABASE_URL')
  const redis = await connectRedis(urlIn('REDIS_URL'))
  const closeLimits = (): void => redis.destroy()
  const pool = new Pool({
    connectionString,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
    // A process that stops does so when the last charge is written.
    allowExitOnIdle: true,
  })
  const store = postgresStore({ pool })
  const keys = createKeys({ store: store.keys, storeDeadline })
  const { ledger, requestLog } = store
  return {
    options: {
      keys,
      ledger,
      requestLog,
      storeDeadline,
      prices: Object.fromEntries(models.map((model) => [model, price])),
      models,
      limits,
      limitStore: redisLimits(redis),
      // While Redis fails, each process allows its part of the limits.
      instances: serverCount,
      defaultOutputTokens,
      timeout: { total: '60s', firstByte: '2s', idle: '5s' },
      validate: { 'POST /v1/chat/completions': chatSchema },
      // The proxy before the servers, which writes X-Forwarded-For anew.
      trustProxies: 1,
    },
    keys,
    ledger,
    migrate: () => store.migrate(),
    closeLimits,
    async close() {
      closeLimits()
      await store.close()
      await pool.end()
    },
  }
}
