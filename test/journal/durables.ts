import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLedger } from '@lazu/core'
import { redisLedger, type RedisLedger } from '@lazu/redis'
import { sqliteStore } from '@lazu/sqlite'
import { describeWithPostgres } from '@lazu/testkit'
import { createClient } from 'redis'
import { describe, onTestFinished } from 'vitest'
import { openPostgresLedger, type OpenLedger } from '../open-postgres-ledger.js'

/** A ledger in an empty Redis, and one that lasts beside it, until the test is over. */
export async function openBoth(url: string, open: () => Promise<OpenLedger>) {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.destroy())
  await client.flushAll()
  const { ledger: durable, close } = await open()
  onTestFinished(close)
  return { ledger: redisLedger(client, { durable }), client, durable }
}

/** Describes something of each kind of ledger a journal is drained into. */
export function describeDurables(of: (open: () => Promise<OpenLedger>) => void): void {
  describeWithPostgres('in Postgres', (server) => of(() => openPostgresLedger(server().url)))

  describe('in SQLite', () => {
    of(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'lazu-journal-into-'))
      const store = sqliteStore({ path: join(folder, 'durable.db') })
      return {
        ledger: store.ledger,
        async close() {
          await store.close()
          await rm(folder, { recursive: true, force: true })
        },
      }
    })
  })

  describe('in memory', () => {
    of(() => Promise.resolve({ ledger: new MemoryLedger(), close: () => Promise.resolve() }))
  })
}

/** Reserves some of an account, and charges it. */
export async function spend(
  ledger: RedisLedger,
  account: string,
  id: string,
  held: number,
  charged: number,
): Promise<void> {
  const request = { id, account, key: 'k1', model: 'gpt-5', amount: held, ttlMs: 60_000 }
  await ledger.reserve(request)
  await ledger.settle(id, charged, { inputTokens: charged, outputTokens: 0 })
}
