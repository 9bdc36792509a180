import type { Ledger } from '@lazu/core'
import { redisLedger } from '@lazu/redis'
import { describeWithRedis, FakeClock } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openedForTests, openIoredis, openIovalkey, openNodeRedis, type Opened } from './clients.js'

const minuteMs = 60_000

describeWithRedis('the ledger among many', (server) => {
  const client = openedForTests(() => server().url, openNodeRedis)

  it('reserves exactly what the balance covers, whoever asks', async () => {
    const opens = [openNodeRedis, openIoredis, openIovalkey, openNodeRedis, openIoredis]
    const opened: Opened[] = await Promise.all(opens.map(async (open) => open(server().url)))
    const ledgers = opened.map((one) => redisLedger(one.client, { prefix: 'many' }))
    await redisLedger(client(), { prefix: 'many' }).credit('acme', 250, 'c1')
    const outcomes = await Promise.allSettled(
      ledgers.flatMap((ledger, process) =>
        Array.from({ length: 50 }, async (_, index) => {
          const id = `request ${index} of ${process}`
          await ledger.reserve({ id, account: 'acme', key: 'k1', amount: 10, ttlMs: minuteMs })
          return id
        }),
      ),
    )
    const ids = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    )
    expect(ids).toHaveLength(25)
    const [one] = ledgers
    expect(await one?.balance('acme')).toMatchObject({ held: 250, available: 0 })
    await Promise.all(ids.flatMap((id) => ledgers.map(async (ledger) => ledger.settle(id, 7))))
    expect(await one?.balance('acme')).toEqual({
      granted: 250,
      settled: 175,
      held: 0,
      available: 75,
    })
    for (const { close } of opened) close()
  })

  it('works on when the server forgets its scripts', async () => {
    const admin = await createClient({ url: server().url }).connect()
    const ledger = redisLedger(client(), { prefix: 'scripts' })
    await ledger.credit('acme', 100, 'c1')
    for (const id of ['r1', 'r2', 'r3']) {
      await admin.sendCommand(['SCRIPT', 'FLUSH'])
      await ledger.reserve({ id, account: 'acme', key: 'k1', amount: 10, ttlMs: minuteMs })
      await admin.sendCommand(['SCRIPT', 'FLUSH'])
      expect(await ledger.settle(id, 5)).toEqual({ id, ended: 'settled', amount: 5 })
    }
    await admin.sendCommand(['SCRIPT', 'FLUSH'])
    expect(await ledger.balance('acme')).toMatchObject({ settled: 15, held: 0 })
    admin.destroy()
  })

  it('is not harmed by steps that were given up and run later all the same', async () => {
    const ledger = redisLedger(client(), { prefix: 'late' })
    await ledger.credit('acme', 100, 'c1')
    const request = { id: 'r1', account: 'acme', key: 'k1', amount: 60, ttlMs: minuteMs }
    await lateAndAgain(server().pid, () => ledger.reserve(request))
    await lateAndAgain(server().pid, () => ledger.extend('r1', minuteMs))
    await lateAndAgain(server().pid, () => ledger.settle('r1', 25))
    await lateAndAgain(server().pid, () => ledger.release('r1'))
    await lateAndAgain(server().pid, () => ledger.credit('acme', 50, 'c2'))
    expect(await ledger.balance('acme')).toMatchObject({ granted: 150, settled: 25, held: 0 })
  })

  it('gives back at once what a process that died held in a thousand requests', async () => {
    const clock = new FakeClock()
    const ledger = redisLedger(client(), { prefix: 'thousand', clock })
    await ledger.credit('acme', 1_000, 'c1')
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) =>
        ledger.reserve({ id: `r${index}`, account: 'acme', key: 'k1', amount: 1, ttlMs: minuteMs }),
      ),
    )
    clock.advance(minuteMs)
    const all = { id: 'all', account: 'acme', key: 'k1', amount: 1_000, ttlMs: minuteMs }
    expect(await ledger.reserve(all)).toMatchObject({ amount: 1_000 })
    expect(await ledger.balance('acme')).toMatchObject({ held: 1_000, available: 0 })
  })

  it('keeps the caps of a key that two accounts pay for', async () => {
    const ledgers: Ledger[] = []
    for (let count = 0; count < 2; count++) ledgers.push(redisLedger(client(), { prefix: 'moved' }))
    const [one, other] = ledgers
    const caps = { total: 100 }
    for (const account of ['acme', 'other']) await one?.credit(account, 1_000, 'c1')
    const request = { key: 'k1', ttlMs: minuteMs, caps }
    await one?.reserve({ ...request, id: 'r1', account: 'acme', amount: 60 })
    await one?.settle('r1', 50)
    await other?.reserve({ ...request, id: 'r2', account: 'other', amount: 30 })
    await expect(
      one?.reserve({ ...request, id: 'r3', account: 'acme', amount: 21 }),
    ).rejects.toMatchObject({ condition: 'key_quota_exceeded' })
    await one?.reserve({ ...request, id: 'r3', account: 'acme', amount: 20 })
  })

  describe('in a process whose clock is an hour off', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    })

    afterEach(() => {
      vi.useRealTimers()
    })

    it.for([-1, 1])('decides as all others do (%s h)', async (hours) => {
      const prefix = `off ${hours}`
      const right = redisLedger(client(), { prefix })
      const wrong = redisLedger(client(), { prefix })
      await right.credit('acme', 100, 'c1')
      const request = { account: 'acme', key: 'k1', ttlMs: 30 * minuteMs }
      await right.reserve({ ...request, id: 'r1', amount: 60 })
      const beganMs = Date.now()
      vi.setSystemTime(beganMs + hours * 60 * minuteMs)
      expect(await wrong.balance('acme')).toMatchObject({ held: 60 })
      await wrong.reserve({ ...request, id: 'r2', amount: 40 })
      vi.setSystemTime(beganMs)
      expect(await right.balance('acme')).toMatchObject({ held: 100 })
      const [made] = await right.movements('r2')
      expect(Math.abs((made?.atMs ?? 0) - beganMs)).toBeLessThan(minuteMs)
    })
  })

  it('expires by the time of the server', async () => {
    const ledger = redisLedger(client(), { prefix: 'real time' })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 60, ttlMs: 2_000 })
    expect(await ledger.balance('acme')).toMatchObject({ held: 60 })
    await vi.waitFor(async () => expect((await ledger.balance('acme')).held).toBe(0), 10_000)
    expect(await ledger.settle('r1', 1)).toMatchObject({ ended: 'expired' })
  })

  it('leaves nothing of a reservation behind but what has an end of its own', async () => {
    const admin = await createClient({ url: server().url }).connect()
    const ledger = redisLedger(client(), { prefix: 'ends' })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 60, ttlMs: minuteMs })
    await ledger.settle('r1', 1)
    const keys = await admin.keys('{ends:*')
    const withEnd: string[] = []
    for (const key of keys) if ((await admin.pTTL(key)) > 0) withEnd.push(key)
    expect(withEnd.map((key) => key.replace(/\d+$/, '')).toSorted()).toEqual([
      '{ends:account:acme}:r:r',
      '{ends:account:acme}:u:',
      '{ends:reservation:r1}',
    ])
    expect(await admin.pTTL('{ends:account:acme}:r:r1')).toBeGreaterThan(10 * minuteMs)
    expect(await admin.pTTL('{ends:reservation:r1}')).toBeGreaterThan(11 * minuteMs)
    expect(keys.filter((key) => !withEnd.includes(key)).toSorted()).toEqual([
      '{ends:account:acme}',
      '{ends:account:acme}:days',
      '{ends:account:acme}:k:k1',
      '{ends:account:acme}:refs',
      '{ends:accounts}',
      '{ends:key:k1}:accounts',
    ])
    admin.destroy()
  })
})

/** Does a step twice while the server hangs, and expects one answer. */
async function lateAndAgain(pid: number, step: () => Promise<unknown>): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  const late = step()
  const again = step()
  process.kill(pid, 'SIGCONT')
  expect(await again).toEqual(await late)
}
