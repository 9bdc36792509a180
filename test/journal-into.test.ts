import { journalInto, type JournaledLedger, type JournalEntry, type RedisLedger } from '@lazu/redis'
import { describeWithRedis } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { describeDurables, openBoth, spend } from './journal/durables.js'

describeWithRedis('the journal of Redis', (redis) => {
  describeDurables((open) => {
    it('is taken in once, however often it is handed out', async () => {
      const { ledger, durable } = await openBoth(redis().url, open)
      const account = 'acme once'
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
    })

    it('is taken in wholly after it was taken in by half', async () => {
      const { ledger, durable } = await openBoth(redis().url, open)
      const account = 'acme half'
      await ledger.credit(account, 1_000, 'invoice 1')
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => spend(ledger, account, `h${index}`, 50, 10)),
      )
      let calls = 0
      const failing: JournaledLedger = {
        balance: (name) => durable.balance(name),
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
    })

    it('takes charges of an account in debt', async () => {
      const { ledger, durable } = await openBoth(redis().url, open)
      const account = 'acme debt'
      await ledger.credit(account, 100, 'invoice 1')
      for (const id of ['d1', 'd2']) {
        await ledger.reserve({ id, account, key: 'k1', amount: 50, ttlMs: 60_000 })
      }
      await ledger.settle('d1', 500)
      await ledger.settle('d2', 20)
      await ledger.drainJournal(journalInto(durable))
      expect(await durable.balance(account)).toMatchObject({ granted: 100, settled: 520 })
    })

    it('gives Redis back what it forgot', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme forgot'
      await ledger.credit(account, 1_000, 'invoice 1')
      await spend(ledger, account, 'f1', 100, 60)
      await ledger.drainJournal(journalInto(durable))
      await client.flushAll()
      expect(await ledger.balance(account)).toMatchObject({ granted: 1_000, settled: 60 })
      await spend(ledger, account, 'f2', 100, 40)
      await ledger.drainJournal(journalInto(durable))
      expect(await durable.balance(account)).toMatchObject({ granted: 1_000, settled: 100 })
    })
  })
})

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
