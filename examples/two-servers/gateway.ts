import { chatSchema, models } from '@lazu/example-model'
import { createKeys, usd, type GatewayOptions, type Keys, type Ledger } from '@lazu/express'
import { postgresStore } from '@lazu/postgres'
import { Pool } from 'pg'

/** How many processes serve. */
export const serverCount = 2

/** What a key may do, wherever its requests are served. */
const limits = { rpm: 600, tpm: 1_000_000, concurrency: 100 }

/** Micro-USD per million tokens. */
const price = { input: usd(2.5), output: usd(10) }

/** The longest answer of the built-in models. */
const defaultOutputTokens = 256

/**
 * How long Postgres is waited for. Requests of one account take turns there, and the first ones wait
 * for a connection, too.
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
  /** Ends the connections to the database. */
  readonly close: () => Promise<void>
}

/**
 * Opens the stores in the database that DATABASE_URL names.
 *
 * @throws Error when it names none
 */
export function openGateway(): SharedGateway {
  const pool = new Pool({
    connectionString: databaseUrl(process.env),
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
      limits: shareOf(limits),
      defaultOutputTokens,
      timeout: { total: '60s', firstByte: '2s', idle: '5s' },
      validate: { 'POST /v1/chat/completions': chatSchema },
      // The proxy before the servers, which writes X-Forwarded-For anew.
      trustProxies: 1,
    },
    keys,
    ledger,
    migrate: () => store.migrate(),
    async close() {
      await store.close()
      await pool.end()
    },
  }
}

/**
 * What one process allows. Each counts by itself, and the proxy gives all of them as much to do, so
 * together they allow the whole.
 */
function shareOf(whole: typeof limits): typeof limits {
  return {
    rpm: whole.rpm / serverCount,
    tpm: whole.tpm / serverCount,
    concurrency: whole.concurrency / serverCount,
  }
}

function databaseUrl({ DATABASE_URL: url = '' }: NodeJS.ProcessEnv): string {
  if (url.trim() !== '') return url
  throw new Error(
    'DATABASE_URL is not set: it must name a PostgreSQL database, and `docker compose up -d --wait` ' +
      'in examples/two-servers starts one at postgres://lazu:lazu@127.0.0.1:5432/lazu.',
  )
}
