import { journalInto, redisLedger, type JournaledLedger } from '@lazu/redis'
import { describeWithRedis } from '@lazu/testkit'
import type { RedisClientType } from 'redis'
import { expect, it, vi } from 'vitest'
import { describeDurables, openBoth, spend } from './journal/durables.js'

describeWithRedis('what Redis forgot and a ledger that lasts has', (redis) => {
  describeDurables((open) => {
    it('is charged once when it is being drained at that moment', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme drained'
      await ledger.credit(account, 1_000, 'invoice 1')
      await spend(ledger, account, `${account} r1`, 100, 60)
      const handed = new Gate()
      const gate = new Gate()
      const draining = ledger.drainJournal(async (entries) => {
        handed.open()
        await gate.opened
        await journalInto(durable)(entries)
      })
      await handed.opened
      await client.flushAll()
      await spend(ledger, account, `${account} r2`, 100, 5)
      const next = ledger.drainJournal(journalInto(durable))
      gate.open()
      await draining
      await next
      expect(await ledger.balance(account)).toMatchObject({ granted: 1_000, settled: 65 })
      expect(await durable.balance(account)).toMatchObject({ granted: 1_000, settled: 65 })
    })

    it('is charged once when draining it failed by half, and some of it comes late', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme late'
      await ledger.credit(account, 1_000, 'invoice 1')
      const ids = ['fails', 'late', 'r3']
      await Promise.all(ids.map((id) => spend(ledger, account, id, 100, 20)))
      const asked = new Gate()
      const gate = new Gate()
      const failing: JournaledLedger = {
        balance: (name) => durable.balance(name),
        credit: (...args) => durable.credit(...args),
        reserve: (request) => durable.reserve(request),
        release: (id) => durable.release(id),
        async settle(...args) {
          if (args[0] === 'fails') throw new Error('the disk is full')
          if (args[0] === 'late') {
            asked.open()
            await gate.opened
          }
          return durable.settle(...args)
        },
      }
      const draining = ledger.drainJournal(journalInto(failing))
      await asked.opened
      await client.flushAll()
      await spend(ledger, account, `${account} r4`, 100, 5)
      const next = ledger.drainJournal(journalInto(durable))
      // If it did not wait for what is late, it would be over by now.
      for (let step = 0; step < 50; step++) await ledger.balance(account)
      gate.open()
      await expect(draining).rejects.toThrow('the disk is full')
      await next
      expect(await ledger.balance(account)).toMatchObject({ settled: 65 })
      expect(await durable.balance(account)).toMatchObject({ granted: 1_000, settled: 65 })
    })

    it('is charged once, whoever comes by later, and however much it has seen', async () => {
      const { ledger: seenMost, client, durable } = await openBoth(redis().url, open)
      const account = 'acme later'
      const [seenLess, seenDrained, unaware] = [0, 1, 2].map(() => redisLedger(client, { durable }))
      if (seenLess === undefined || seenDrained === undefined || unaware === undefined) return
      await seenMost.credit(account, 100, 'invoice 1')
      await spend(seenMost, account, `${account} r1`, 30, 25)
      await seenDrained.balance(account)
      await seenMost.drainJournal(journalInto(durable))
      await spend(seenMost, account, `${account} r2`, 30, 10)
      await seenLess.balance(account)
      await spend(seenMost, account, `${account} r3`, 30, 20)

      await client.flushAll()
      await unaware.credit(account, 50, 'invoice 2')
      await spend(unaware, account, `${account} r4`, 30, 3)
      await unaware.drainJournal(journalInto(durable))
      expect(await unaware.balance(account)).toMatchObject({ granted: 150, settled: 28 })
      expect(await seenDrained.balance(account)).toMatchObject({ granted: 150, settled: 28 })
      expect(await seenLess.balance(account)).toMatchObject({ granted: 150, settled: 38 })
      expect(await seenMost.balance(account)).toMatchObject({ granted: 150, settled: 58 })
      const ledgers = [seenLess, seenMost, unaware, seenDrained]
      for (const ledger of ledgers) await ledger.drainJournal(journalInto(durable))
      for (const ledger of [...ledgers, durable, redisLedger(client, { durable })]) {
        expect(await ledger.balance(account)).toMatchObject({ granted: 150, settled: 58 })
      }
    })

    it('is charged and granted once when an older copy of Redis takes over', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme older'
      await ledger.credit(account, 100, 'invoice 1')
      await spend(ledger, account, `${account} r1`, 30, 25)
      await copyAll(client)
      await spend(ledger, account, `${account} r2`, 30, 20)
      await ledger.credit(account, 50, 'invoice 2')
      await ledger.drainJournal(journalInto(durable))
      await spend(ledger, account, `${account} r3`, 30, 10)

      await takeOver(client)
      const sums = { granted: 150, settled: 55 }
      expect(await ledger.balance(account)).toMatchObject(sums)
      await ledger.drainJournal(journalInto(durable))
      expect(await ledger.drainJournal(journalInto(durable))).toBe(0)
      expect(await durable.balance(account)).toMatchObject(sums)
      expect(await redisLedger(client, { durable }).balance(account)).toMatchObject(sums)
    })

    it('is charged once when the state of before an earlier loss comes back', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme earlier'
      await ledger.credit(account, 100, 'invoice 1')
      await spend(ledger, account, `${account} r1`, 30, 25)
      await ledger.drainJournal(journalInto(durable))
      await copyAll(client)
      await client.flushDb()
      await spend(ledger, account, `${account} r2`, 30, 3)
      await ledger.drainJournal(journalInto(durable))

      await takeOver(client)
      for (const one of [ledger, redisLedger(client, { durable })]) {
        expect(await one.balance(account)).toMatchObject({ granted: 100, settled: 28 })
        await one.drainJournal(journalInto(durable))
        expect(await durable.balance(account)).toMatchObject({ granted: 100, settled: 28 })
      }
    })

    it('is charged once when its time was over before, and it is charged all the same', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme over'
      const id = `${account} r1`
      await ledger.credit(account, 1_000, 'invoice 1')
      await ledger.reserve({ id, account, key: 'k1', amount: 100, ttlMs: 1 })
      await vi.waitFor(async () => expect((await ledger.balance(account)).held).toBe(0))
      await ledger.drainJournal(journalInto(durable))
      await client.flushAll()
      expect(await ledger.settle(id, 7)).toMatchObject({ ended: 'settled', amount: 7 })
      await ledger.drainJournal(async (entries) => {
        await journalInto(durable)(entries)
        await journalInto(durable)(entries)
      })
      expect(await ledger.balance(account)).toMatchObject({ granted: 1_000, settled: 7 })
      expect(await durable.balance(account)).toMatchObject({ granted: 1_000, settled: 7, held: 0 })
    })

    it('is charged once through several losses in a row', async () => {
      const { ledger, client, durable } = await openBoth(redis().url, open)
      const account = 'acme several'
      const another = redisLedger(client, { durable })
      await ledger.credit(account, 1_000, 'invoice 1')
      let charged = 0
      for (let loss = 0; loss < 4; loss++) {
        for (const [index, one] of [ledger, another, ledger].entries()) {
          await spend(one, account, `${account} ${loss} ${index}`, 50, 10 + index)
          charged += 10 + index
          if (index === loss % 3) await one.drainJournal(journalInto(durable))
        }
        // The last charge is in the memory of one of them.
        await client.flushAll()
        if (loss % 2 === 1) await another.balance(account)
        expect(await ledger.balance(account)).toMatchObject({ settled: charged })
        if (loss > 1) await another.drainJournal(journalInto(durable))
      }
      await ledger.drainJournal(journalInto(durable))
      for (const one of [ledger, another, durable]) {
        expect(await one.balance(account)).toMatchObject({ granted: 1_000, settled: charged })
      }
    })
  })
})

/** What somebody waits for until it is opened. */
class Gate {
  readonly opened: Promise<void>
  open: () => void = () => undefined

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
  }
}

/** Copies everything to where `takeOver` finds it. */
async function copyAll(client: Pick<RedisClientType, 'keys' | 'copy'>): Promise<void> {
  for (const key of await client.keys('*')) await client.copy(key, key, { DB: 1 })
}

/** Lets what was copied take the place of what there is. */
async function takeOver(client: Pick<RedisClientType, 'swapDb' | 'flushDb'>): Promise<void> {
  await client.flushDb()
  await client.swapDb(0, 1)
}
