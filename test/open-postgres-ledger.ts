import type { Ledger } from '@lazu/core'
import { postgresStore } from '@lazu/postgres'
import { Pool } from 'pg'

/** A ledger, and what closes it. */
export interface OpenLedger {
  readonly ledger: Ledger
  readonly close: () => Promise<void>
}

/** Opens the ledger in a database, and makes what the database has not yet. */
export async function openPostgresLedger(connectionString: string): Promise<OpenLedger> {
  const pool = new Pool({ connectionString })
  const store = postgresStore({ pool })
  await store.migrate()
  return {
    ledger: store.ledger,
    async close() {
      await store.close()
      await pool.end()
    },
  }
}
