import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLedger, type Ledger } from '@lazu/core'
import { postgresStore } from '@lazu/postgres'
import {
  journalInto,
  redisLedger,
  type JournaledLedger,
  type JournalEntry,
  type RedisLedger,
} from '@lazu/redis'
import { sqliteStore } from '@lazu/sqlite'
import { describeWithPostgres, describeWithRedis } from '@lazu/testkit'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { afterAll, expect, it } from 'vitest'

/** A ledger that lasts, and what closes it. */
interface Durable {
  readonly ledger: Ledger
  readonly close: () => Promise<void>
}

describeWithRedis('the journal of Redis', (redis) => {
  describeWithPostgres('in Postgres', (postgres) => {
    drainsInto(async () => {
      const pool = new Pool({ connectionString: postgres().url })
      const store = postgresStore({ pool })
      await store.migrate()
      return {
        ledger: store.ledger,
        async close() {
          await store.close()
          await pool.end()
        },
      }
    })
  })

  const folder = mkdtempSync(join(tmpdir(), 'lazu-journal-into-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  drainsInto(() => {
    const store = sqliteStore({ path: join(folder, 'durable.db') })
    return Promise.resolve({ ledger: store.ledger, close: () => store.close() })
  }, 'in SQLite')

  drainsInto(
    () => Promise.resolve({ ledger: new MemoryLedger(), close: () => Promise.resolve() }),
    'in memory',
  )

  function drainsInto(open: () => Promise<Durable>, where = ''): void {
    it(`is taken in once, however often it is handed out ${where}`, async () => {
      const { ledger, client, durable, close, account } = await openBoth(open, 'once')
      await ledger.credit(account, 1_000, 'invoice 1')
      await spend(ledger, account, 'r1', 100, 60)
      await spend(ledger, account, 'r2', 100, 100)
      await ledger.reserve({ id: 'r3', account, key: 'k1', amount: 50, ttlMs: 60_000 })
      await ledger.release('r3')
      const entries = await copies(ledger, 3)
      await expect(ledger.drainJournal(journalInto(durable))).resolves.toBe(7)
      const sums = { granted: 1_000, settled: 160, held: 0, available: 840 }
      expect(await durable.balance(account)).toEqual(sums)
      for (const again of entries) await journalInto(durable)(again)
      expect(await durable.balance(account)).toEqual(sums)
      expect(await durable.movements('r1')).toMatchObject([
        { kind: 'reserve', key: 'k1', model: 'gpt-5', amount: 0 },
        { kind: 'settled', amount: 60, tokens: { inputTokens: 60, outputTokens: 0 } },
      ])
      expect(await ledger.drainJournal(journalInto(durable))).toBe(0)
      client.destroy()
      await close()
    })

    it(`is taken in wholly after it was taken in by half ${where}`, async () => {
      const { ledger, client, durable, close, account } = await openBoth(open, 'half')
      await ledger.credit(account, 1_000, 'invoice 1')
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => spend(ledger, account, `h${index}`, 50, 10)),
      )
      let calls = 0
      const failing: JournaledLedger = {
        credit: (...args) => durable.credit(...args),
        reserve: (request) => durable.reserve(request),
        release: (id) => durable.release(id),
        settle(...args) {
          if (++calls === 7) throw new Error('the disk is full')
          return durable.settle(...args)
        },
      }
      await expect(ledger.drainJournal(journalInto(failing))).rejects.toThrow('the disk is full')
      await ledger.drainJournal(journalInto(durable))
      expect(await durable.balance(account)).toMatchObject({
        granted: 1_000,
        settled: 200,
        held: 0,
      })
      client.destroy()
      await close()
    })

    it(`takes charges of an account in debt ${where}`, async () => {
      const { ledger, client, durable, close, account } = await openBoth(open, 'debt')
      await ledger.credit(account, 100, 'invoice 1')
      for (const id of ['d1', 'd2']) {
        await ledger.reserve({ id, account, key: 'k1', amount: 50, ttlMs: 60_000 })
      }
      await ledger.settle('d1', 500)
      await ledger.settle('d2', 20)
      await ledger.drainJournal(journalInto(durable))
      expect(await durable.balance(account)).toMatchObject({ granted: 100, settled: 520 })
      client.destroy()
      await close()
    })

    it(`gives Redis back what it forgot ${where}`, async () => {
      const { ledger, client, durable, close, account } = await openBoth(open, 'forgot')
      await ledger.credit(account, 1_000, 'invoice 1')
      await spend(ledger, account, 'f1', 100, 60)
      await ledger.drainJournal(journalInto(durable))
      await client.flushAll()
      expect(await ledger.balance(account)).toMatchObject({ granted: 1_000, settled: 60 })
      await spend(ledger, account, 'f2', 100, 40)
      await ledger.drainJournal(journalInto(durable))
      expect(await durable.balance(account)).toMatchObject({ granted: 1_000, settled: 100 })
      client.destroy()
      await close()
    })
  }

  async function openBoth(open: () => Promise<Durable>, test: string) {
    const client = createClient({ url: redis().url })
    client.on('error', () => undefined)
    await client.connect()
    await client.flushAll()
    const { ledger: durable, close } = await open()
    const ledger = redisLedger(client, { durable })
    return { ledger, client, durable, close, account: `acme ${test}` }
  }
})

async function spend(
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

/** The journal as several drains at once would be handed it. */
async function copies(ledger: RedisLedger, times: number): Promise<JournalEntry[][]> {
  const handed: JournalEntry[][] = []
  for (let time = 0; time < times; time++) {
    const failed = ledger.drainJournal((entries) => {
      handed.push([...entries])
      throw new Error('not kept')
    })
    await expect(failed).rejects.toThrow('not kept')
  }
  return handed
}
