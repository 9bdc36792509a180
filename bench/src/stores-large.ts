import { createKeys } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import Database from 'libsql'
import { join } from 'node:path'
import { percentile } from './statistics.js'

const million = 1_000_000
const measuredPairs = 20_000

/** How long a request's two steps hold the event loop with a million reservations in the file. */
export async function loopTimes(folder: string): Promise<void> {
  const path = join(folder, 'large.db')
  await sqliteStore({ path }).close()
  fill(
    path,
    `
    INSERT INTO lazu_accounts (name, granted, settled) VALUES ('acme', 9000000000000, 50000000);
    INSERT INTO lazu_spending (key_id, spent) VALUES ('key_1', 50000000);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${million})
    INSERT INTO lazu_reservations
      SELECT printf('req_lazu_01KSBV4MC6%016d', i), 1, 1, 100, 'gpt-5', 1780000000000 + i,
        1780000000000 + i, 1780000060000 + i, 'settled', 1780000001000 + i, 50, 10, 20 FROM n`,
  )
  const store = sqliteStore({ path })
  const times: Record<string, Float64Array> = {
    reserve: new Float64Array(measuredPairs),
    settle: new Float64Array(measuredPairs),
    both: new Float64Array(measuredPairs),
  }
  for (let index = 0; index < measuredPairs; index++) {
    const id = `req_lazu_01KSBV4MC7${String(index).padStart(16, '0')}`
    const began = performance.now()
    void store.ledger.reserve({
      id,
      account: 'acme',
      key: 'key_1',
      amount: 100,
      ttlMs: 60_000,
      model: 'gpt-5',
    })
    const reserved = performance.now()
    void store.ledger.settle(id, 50, { inputTokens: 10, outputTokens: 20 })
    const settled = performance.now()
    const parts = [reserved - began, settled - reserved, settled - began]
    for (const [at, name] of Object.keys(times).entries()) {
      const list = times[name]
      if (list !== undefined) list[index] = (parts[at] ?? 0) * 1_000
    }
  }
  console.log(
    `\nOn the event loop, µs, with a million reservations in the file (${measuredPairs} pairs):`,
  )
  for (const [name, list] of Object.entries(times)) {
    const shares = [0.5, 0.99, 0.999].map(
      (share) => `p${share * 100} ${percentile(list, share).toFixed(0)}`,
    )
    console.log(
      `  ${name.padEnd(8)} ${shares.join('  ')}  longest ${percentile(list, 1).toFixed(0)}`,
    )
  }
  await store.close()
}

/** How long the first page of a million keys takes, and what memory it needs. */
export async function listKeys(folder: string): Promise<void> {
  const path = join(folder, 'keys.db')
  await sqliteStore({ path }).close()
  fill(
    path,
    `
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${million})
    INSERT INTO lazu_keys SELECT printf('key_%026d', i), 'acme', 1, json_object(
      'id', printf('key_%026d', i), 'account', 'acme', 'name', printf('key %d', i),
      'shown', 'sk-lazu-…abcd', 'status', 'active', 'createdAtMs', 1780000000000 + i,
      'revision', 1, 'digest', printf('%064x', i)) FROM n`,
  )
  const store = sqliteStore({ path })
  const keys = createKeys({ store: store.keys })
  const heapBefore = process.memoryUsage().heapUsed
  const began = performance.now()
  const page = await keys.list({ limit: 50 })
  const ms = performance.now() - began
  const heapKb = (process.memoryUsage().heapUsed - heapBefore) / 1_024
  console.log(
    `\nThe first ${page.length} of a million keys: ${ms.toFixed(2)} ms, ${heapKb.toFixed(0)} KB of heap`,
  )
  await store.close()
}

function fill(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(`BEGIN; ${sql}; COMMIT`)
  database.close()
}
