import { postgresStore, type PostgresStore } from '@lazu/postgres'
import {
  describeWithPostgres,
  runKeyStoreContract,
  runLedgerContract,
  runLedgerNamesContract,
  runRequestLogContract,
  type FakeClock,
} from '@lazu/testkit'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'

describeWithPostgres('The contracts of stores', (server) => {
  // One schema and one pool for all tests: a model's story opens a hundred stores.
  let pool: Pool
  let open: PostgresStore[] = []

  beforeAll(async () => {
    pool = new Pool({ connectionString: server().url, max: 20 }).setMaxListeners(0)
    await openStore().migrate()
  })

  afterEach(async () => {
    for (const store of open) await store.close()
    open = []
  })

  afterAll(() => pool.end())

  function openStore(clock?: FakeClock): PostgresStore {
    const store = postgresStore({ pool, clock })
    open.push(store)
    return store
  }

  async function emptyStore(clock?: FakeClock): Promise<PostgresStore> {
    const tables = [
      'keys',
      'key_digests',
      'accounts',
      'credits',
      'spending',
      'reservations',
      'usage',
    ]
    const names = [...tables, 'requests'].map((table) => `lazu.${table}`)
    await pool.query(`TRUNCATE ${names.join(', ')} RESTART IDENTITY`)
    return openStore(clock)
  }

  runKeyStoreContract('PostgreSQL', async () => (await emptyStore()).keys)

  runLedgerContract('PostgreSQL', async (clock) => (await emptyStore(clock)).ledger, {
    stories: 40,
    // All that is kept of a ledger is in the database.
    reopen: (_ledger, clock) => openStore(clock).ledger,
  })

  runLedgerNamesContract('PostgreSQL', async (clock) => (await emptyStore(clock)).ledger)

  runRequestLogContract('PostgreSQL', async () => {
    const { requestLog } = await emptyStore()
    return { log: requestLog, flushed: () => requestLog.flush() }
  })
})
