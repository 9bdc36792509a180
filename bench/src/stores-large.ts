import { createKeys, type Ledger } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import Database from 'libsql'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { percentile } from './statistics.js'

const million = 1_000_000
const measuredPairs = 20_000

/** How long a request's two steps keep the event loop busy with a million reservations in the file. */
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
  await store.ledger.balance('acme')
  console.log(
    `\nOn the event loop, µs a request, with a million reservations in the file (${measuredPairs} each):`,
  )
  for (const inFlight of [1, 20]) await measureLoop(store.ledger, inFlight)
  await store.close()
}

/**
 * Makes pairs, and measures for how long this thread is busy with each: posting the calls, taking the
 * answers, and going on with whoever waits. All the rest of the time it sleeps.
 */
async function measureLoop(ledger: Ledger, inFlight: number): Promise<void> {
  const requests = new Float64Array(measuredPairs)
  const stalls = monitorEventLoopDelay({ resolution: 1 })
  const began = performance.eventLoopUtilization()
  let busyMs = began.active
  let next = 0
  const serve = async (): Promise<void> => {
    while (next < measuredPairs) {
      const number = next++
      const id = `req_lazu_01KSBV4MC7${String(inFlight * million + number).padStart(16, '0')}`
      await ledger.reserve({
        id,
        account: 'acme',
        key: 'key_1',
        amount: 100,
        ttlMs: 60_000,
        model: 'gpt-5',
      })
      await ledger.settle(id, 50, { inputTokens: 10, outputTokens: 20 })
      const { active } = performance.eventLoopUtilization()
      requests[number] = (active - busyMs) * 1_000
      busyMs = active
    }
  }
  stalls.enable()
  await Promise.all(Array.from({ length: inFlight }, serve))
  stalls.disable()
  const { active } = performance.eventLoopUtilization(began)
  const mean = `mean ${((active * 1_000) / measuredPairs).toFixed(0)}`
  // Of several at once nobody can say which one a turn was for.
  const shares = [0.5, 0.99, 0.999, 1].map((share) => {
    const name = share === 1 ? 'longest' : `p${share * 100}`
    return inFlight === 1 ? `  ${name} ${percentile(requests, share).toFixed(0)}` : ''
  })
  const stallMs = (stalls.max / 1_000_000).toFixed(1)
  const what = inFlight === 1 ? 'one by one' : `${inFlight} in flight`
  console.log(
    `  ${what.padEnd(12)} ${mean}${shares.join('')}; a 1 ms timer took ${stallMs} ms at most`,
  )
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
