import { GatewayError, MemoryLedger, type ReserveRequest } from '@lazu/core'
import {
  DurableBehindError,
  RedisForgotError,
  redisLedger,
  type JournalEntry,
  type RedisLedger,
} from '@lazu/redis'
import { describeWithRedis, FakeClock, startRedis, type RedisServer } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openedForTests, openIoredis, openNodeRedis, type Opened } from './clients.js'

const someone = { account: 'acme', key: 'k1', ttlMs: 60_000 }

describeWithRedis('a ledger that forgot', (server) => {
  const client = openedForTests(() => server().url, openNodeRedis)

  beforeEach(() => command(server(), 'FLUSHALL'))

  describe('when nobody else knows the balances', () => {
    let ledger: RedisLedger

    beforeEach(async () => {
      ledger = redisLedger(client())
      await ledger.credit('acme', 100, 'c1')
      await spend(ledger, 'r1', 25)
      await ledger.reserve({ ...someone, id: 'open', amount: 10 })
      await command(server(), 'FLUSHALL')
    })

    it('refuses every step on the account, and changes nothing', async () => {
      const steps: [string, () => Promise<unknown>][] = [
        ['store_write_failed', () => ledger.reserve({ ...someone, id: 'r2', amount: 1 })],
        ['store_write_failed', () => ledger.settle('open', 10)],
        ['store_write_failed', () => ledger.release('open')],
        ['store_write_failed', () => ledger.extend('open', 1_000)],
        ['store_write_failed', () => ledger.credit('acme', 100, 'c1')],
        ['store_write_failed', () => ledger.createAccount('acme')],
        ['store_read_failed', () => ledger.balance('acme')],
      ]
      for (const [condition, step] of steps) {
        const error = await rejection(step())
        expect(error).toMatchObject({ condition })
        expect(error.cause).toBeInstanceOf(RedisForgotError)
        expect(String(error.cause)).toContain('Redis has forgotten the money of the account "acme"')
      }
      expect(await ledger.accounts({ limit: 10 })).toEqual([])
    })

    it('serves other accounts meanwhile', async () => {
      await ledger.credit('other', 50, 'c1')
      expect(await ledger.balance('other')).toMatchObject({ available: 50 })
    })

    it('goes on when somebody restores it, and charges what was open', async () => {
      const restored = { granted: 100, settled: 25, held: 0, available: 75 }
      const elsewhere = redisLedger(client())
      expect(await elsewhere.restore('acme', { granted: 100, settled: 25 })).toEqual(restored)
      expect(await elsewhere.restore('acme', { granted: 100, settled: 25 })).toEqual(restored)
      expect(await ledger.balance('acme')).toEqual(restored)
      expect(await ledger.settle('open', 10)).toEqual({ id: 'open', ended: 'settled', amount: 10 })
      expect(await ledger.settle('open', 10)).toEqual({ id: 'open', ended: 'settled', amount: 10 })
      expect(await ledger.balance('acme')).toMatchObject({ settled: 35, available: 65 })
    })

    it('takes no smaller sums than it has seen', async () => {
      expect(await ledger.restore('acme', { granted: 10, settled: 0 })).toEqual({
        granted: 100,
        settled: 25,
        held: 0,
        available: 75,
      })
    })

    it('adds what others knew to what happened meanwhile', async () => {
      const elsewhere = redisLedger(client())
      await elsewhere.restore('acme', { granted: 100, settled: 20 })
      await spend(elsewhere, 'r2', 3)
      expect(await ledger.balance('acme')).toMatchObject({ granted: 100, settled: 28 })
      expect(await elsewhere.balance('acme')).toMatchObject({ granted: 100, settled: 28 })
    })

    it('sees that somebody who knew nothing made the account anew', async () => {
      const elsewhere = redisLedger(client())
      await elsewhere.credit('acme', 7, 'c2')
      const error = await rejection(ledger.balance('acme'))
      expect(error.cause).toBeInstanceOf(RedisForgotError)
      expect(await ledger.restore('acme', { granted: 100, settled: 25 })).toMatchObject({
        granted: 107,
        settled: 25,
      })
      expect(await elsewhere.balance('acme')).toMatchObject({ granted: 107, settled: 25 })
    })
  })

  it('charges an account although another one its key paid with is forgotten', async () => {
    const ledger = redisLedger(client())
    for (const account of ['acme', 'other']) {
      await ledger.credit(account, 100, 'c1')
      await ledger.reserve({ ...someone, account, id: `of ${account}`, amount: 10 })
    }
    await command(server(), 'DEL', '{lazu:account:acme}')
    expect(await ledger.settle('of other', 10)).toMatchObject({ ended: 'settled' })
    expect(await ledger.balance('other')).toMatchObject({ settled: 10 })
    // What a cap allows is not known.
    const capped = { ...someone, account: 'other', id: 'r2', amount: 1, caps: { total: 50 } }
    expect((await rejection(ledger.reserve(capped))).cause).toBeInstanceOf(RedisForgotError)
    const accounts = await ledger.accounts({ limit: 10 })
    expect(accounts.map(({ account }) => account)).toEqual(['other'])
  })

  it('is restored by whoever comes, once somebody has seen that it was made anew', async () => {
    const ledger = redisLedger(client())
    await ledger.credit('acme', 100, 'c1')
    await spend(ledger, 'r1', 25)
    await command(server(), 'FLUSHALL')
    await redisLedger(client()).credit('acme', 7, 'c2')
    await rejection(ledger.balance('acme'))
    const stranger = redisLedger(client())
    const sums = { granted: 107, settled: 25 }
    expect(await stranger.restore('acme', { granted: 100, settled: 25 })).toMatchObject(sums)
    expect(await stranger.restore('acme', { granted: 100, settled: 25 })).toMatchObject(sums)
    expect(await ledger.balance('acme')).toMatchObject(sums)
  })

  it('lists an account again that is served, when the list was lost', async () => {
    const clock = new FakeClock()
    const ledger = redisLedger(client(), { clock, journal: true })
    await ledger.credit('acme', 100, 'c1')
    await spend(ledger, 'r1', 25)
    await command(server(), 'DEL', '{lazu:accounts}')
    await ledger.balance('acme')
    expect(await ledger.accounts({ limit: 10 })).toEqual([])
    clock.advance(60_000)
    await ledger.balance('acme')
    await expect.poll(() => ledger.accounts({ limit: 10 })).toHaveLength(1)
    const kinds: string[] = []
    await ledger.drainJournal((entries) => void kinds.push(...entries.map(({ kind }) => kind)))
    expect(kinds).toEqual(['grant', 'reserve', 'settled'])
  })

  it('leaves an account alone that was not forgotten', async () => {
    const ledger = redisLedger(client())
    await ledger.credit('acme', 100, 'c1')
    for (const somebody of [ledger, redisLedger(client())]) {
      expect(await somebody.restore('acme', { granted: 500, settled: 0 })).toMatchObject({
        granted: 100,
      })
    }
  })

  describe('when there is a durable ledger', () => {
    let durable: MemoryLedger
    let ledger: RedisLedger

    beforeEach(async () => {
      durable = new MemoryLedger()
      ledger = redisLedger(client(), { durable })
      await ledger.credit('acme', 100, 'c1')
      await spend(ledger, 'r1', 25)
      await ledger.drainJournal((entries) => keep(durable, entries))
    })

    it('loads the balance again, in one process and in many at once', async () => {
      await ledger.reserve({ ...someone, id: 'open', amount: 40 })
      await command(server(), 'FLUSHALL')
      const fresh = redisLedger(client(), { durable })
      const balance = { granted: 100, settled: 25, held: 0, available: 75 }
      const balances = await Promise.all(
        [ledger, fresh, ledger, fresh].map(async (one) => one.balance('acme')),
      )
      expect(balances).toEqual([balance, balance, balance, balance])
      expect(await ledger.settle('open', 40)).toMatchObject({ ended: 'settled', amount: 40 })
      expect(await fresh.balance('acme')).toMatchObject({ settled: 65, available: 35 })
    })

    it('lets nobody spend what was spent, whoever comes first', async () => {
      await command(server(), 'FLUSHALL')
      const fresh = redisLedger(client(), { durable })
      const tooMuch = { ...someone, id: 'r2', amount: 76 }
      expect(await rejection(fresh.reserve(tooMuch))).toMatchObject({
        condition: 'insufficient_quota',
      })
      await fresh.reserve({ ...tooMuch, amount: 75 })
    })

    it('does not forgive what was charged and not drained, and hands it out later', async () => {
      await spend(ledger, 'r2', 30)
      await command(server(), 'FLUSHALL')
      const fresh = redisLedger(client(), { durable })
      expect(await fresh.balance('acme')).toMatchObject({ settled: 25 })
      expect(await ledger.balance('acme')).toMatchObject({ settled: 55, available: 45 })
      expect(await fresh.balance('acme')).toMatchObject({ settled: 55, available: 45 })
      await ledger.drainJournal((entries) => keep(durable, entries))
      expect(durable.balance('acme')).toMatchObject({ granted: 100, settled: 55 })
    })

    it('knows how a charge ended that it was told of, and charges it once', async () => {
      await command(server(), 'FLUSHALL')
      const end = { id: 'r1', ended: 'settled', amount: 25 }
      expect(await ledger.settle('r1', 25)).toEqual(end)
      expect(await ledger.release('r1')).toEqual(end)
      expect(await ledger.balance('acme')).toMatchObject({ granted: 100, settled: 25, held: 0 })
    })

    it('credits a reference once, before and after', async () => {
      await ledger.credit('acme', 50, 'c2')
      await command(server(), 'FLUSHALL')
      const fresh = redisLedger(client(), { durable })
      expect(await fresh.credit('acme', 50, 'c2')).toMatchObject({ granted: 150 })
      expect(await ledger.credit('acme', 50, 'c2')).toMatchObject({ granted: 150 })
      expect(await ledger.credit('acme', 5, 'c3')).toMatchObject({ granted: 155 })
      expect(durable.balance('acme')).toMatchObject({ granted: 155 })
    })

    it('takes no payment until the durable one has what only Redis knew of', async () => {
      const behind = new MemoryLedger()
      behind.credit('acme', 60, 'c1')
      let used = durable
      const switched = redisLedger(client(), {
        prefix: 'behind',
        durable: {
          balance: (account) => used.balance(account),
          credit: (...payment) => used.credit(...payment),
        },
      })
      await switched.credit('acme', 70, 'c2')
      // The standby that takes over is without the newest payment, and Redis is lost as well.
      used = behind
      await command(server(), 'FLUSHALL')
      expect(await switched.balance('acme')).toMatchObject({ granted: 170 })
      const error = await rejection(switched.credit('acme', 10, 'c3'))
      expect(error).toMatchObject({ condition: 'store_write_failed' })
      expect(error.cause).toBeInstanceOf(DurableBehindError)
      await switched.drainJournal((entries) => keep(behind, entries))
      expect(await switched.credit('acme', 10, 'c3')).toMatchObject({ granted: 180 })
      expect(behind.balance('acme')).toMatchObject({ granted: 180 })
    })

    it('refuses as long as the durable one cannot be asked', async () => {
      const failing = {
        balance: () => Promise.reject(new Error('the database is away')),
        credit: () => Promise.reject(new Error('the database is away')),
      }
      const away = redisLedger(client(), { durable: failing })
      expect(await away.balance('acme')).toMatchObject({ available: 75 })
      await command(server(), 'FLUSHALL')
      const refused = away.reserve({ ...someone, id: 'r2', amount: 1 })
      expect(await rejection(refused)).toMatchObject({ condition: 'store_write_failed' })
      expect(await rejection(away.credit('acme', 1, 'c9'))).toMatchObject({
        condition: 'store_write_failed',
      })
    })
  })
})

describeWithRedis('a ledger whose server comes back', (first) => {
  let server: RedisServer

  beforeEach(async () => {
    await first().kill()
    server = await startRedis({ of: first() })
  })

  afterEach(() => server.kill())

  /** Ends the server, and starts another one with what is on the disk. */
  async function restart(): Promise<void> {
    await server.kill()
    server = await startRedis({ of: server })
  }

  const kinds = { 'node-redis': openNodeRedis, ioredis: openIoredis }
  it.for(Object.entries(kinds))(
    'empty, refuses until it is restored, by %s',
    async ([prefix, open]) => {
      const { client, close } = await open(server.url)
      const ledger = redisLedger(client, { prefix })
      await ledger.credit('acme', 100, 'c1')
      await restart()
      await expect
        .poll(async () => (await rejection(ledger.balance('acme'))).cause, { timeout: 10_000 })
        .toBeInstanceOf(RedisForgotError)
      await ledger.restore('acme', { granted: 100, settled: 0 })
      await spend(ledger, 'r1', 25)
      expect(await ledger.balance('acme')).toMatchObject({ settled: 25 })
      close()
    },
  )

  it('with an older state, says how much is lost, and goes on from what it has seen', async () => {
    const { client, close } = await openIoredis(server.url)
    const ledger = redisLedger(client, { prefix: 'older' })
    await ledger.credit('acme', 100, 'c1')
    await spend(ledger, 'r1', 25)
    await command(server, 'SAVE')
    await spend(ledger, 'r2', 30)
    await restart()
    await expect
      .poll(async () => String((await rejection(ledger.balance('acme'))).cause), {
        timeout: 10_000,
      })
      .toContain('the newest 2 steps')
    expect(await ledger.restore('acme', { granted: 100, settled: 25 })).toEqual({
      granted: 100,
      settled: 55,
      held: 0,
      available: 45,
    })
    expect(await redisLedger(client, { prefix: 'older' }).balance('acme')).toMatchObject({
      settled: 55,
    })
    close()
  })
})

describeWithRedis('a ledger whose server comes back with an older state', (first) => {
  let server: RedisServer
  let opened: Opened

  beforeEach(async () => {
    await first().kill()
    server = await startRedis({ of: first() })
    opened = await openIoredis(server.url)
  })

  afterEach(async () => {
    opened.close()
    await server.kill()
  })

  /** Ends the server, and starts another one with what is on the disk. */
  async function goBack(): Promise<void> {
    await server.kill()
    server = await startRedis({ of: server })
  }

  it('charges once what is open in it and was told to be charged', async () => {
    const ledger = redisLedger(opened.client, { prefix: 'told' })
    await chargeAndGoBack(ledger)
    await expect.poll(() => isForgotten(ledger), { timeout: 10_000 }).toBe(true)
    await ledger.restore('acme', { granted: 2_000, settled: 900 })
    await expectChargedOnce(ledger)
  })

  it('charges it once when it loads the account from a durable ledger', async () => {
    const ledger = redisLedger(opened.client, { prefix: 'durable', durable: new MemoryLedger() })
    await chargeAndGoBack(ledger)
    await expect.poll(() => settledBy(ledger), { timeout: 10_000 }).toBe(900)
    await expectChargedOnce(ledger)
  })

  async function chargeAndGoBack(ledger: RedisLedger): Promise<void> {
    await ledger.credit('acme', 2_000, 'c1')
    await ledger.reserve({ ...someone, id: 'r1', amount: 900 })
    await command(server, 'SAVE')
    expect(await ledger.settle('r1', 900)).toEqual(charged)
    await goBack()
  }

  it('notices it also when others have made as many steps since', async () => {
    const durable = new MemoryLedger()
    const options = { prefix: 'as many', durable }
    const ledger = redisLedger(opened.client, options)
    const other = redisLedger(opened.client, options)
    await ledger.credit('acme', 1_000, 'c1')
    await ledger.reserve({ ...someone, id: 'r1', amount: 600 })
    await other.balance('acme')
    await command(server, 'SAVE')
    await ledger.settle('r1', 600)
    await goBack()
    await expect.poll(() => settledBy(other), { timeout: 10_000 }).toBe(0)
    for (const id of ['r2', 'r3']) {
      await other.reserve({ ...someone, id, amount: 1 })
      await other.release(id)
    }
    expect(await ledger.balance('acme')).toMatchObject({ granted: 1_000, settled: 600 })
    expect(await other.balance('acme')).toMatchObject({ granted: 1_000, settled: 600 })
  })
})

const charged = { id: 'r1', ended: 'settled', amount: 900 }

async function expectChargedOnce(ledger: RedisLedger): Promise<void> {
  expect(await ledger.settle('r1', 900)).toEqual(charged)
  expect(await ledger.release('r1')).toEqual(charged)
  expect(await ledger.balance('acme')).toMatchObject({ granted: 2_000, settled: 900 })
}

async function isForgotten(ledger: RedisLedger): Promise<boolean> {
  return (await rejection(ledger.balance('acme'))).cause instanceof RedisForgotError
}

async function settledBy(ledger: RedisLedger): Promise<number> {
  return (await ledger.balance('acme')).settled
}

async function spend(ledger: RedisLedger, id: string, amount: number): Promise<void> {
  const request: ReserveRequest = { ...someone, id, amount }
  await ledger.reserve(request)
  await ledger.settle(id, amount)
}

/** Writes entries of the journal into a ledger; twice is once. */
function keep(durable: MemoryLedger, entries: readonly JournalEntry[]): void {
  for (const { kind, id, account, key = '', amount, tokens } of entries) {
    if (kind === 'grant') durable.credit(account, amount, id)
    if (kind !== 'settled') continue
    durable.reserve({ id, account, key, amount: 0, ttlMs: 1_000 })
    durable.settle(id, amount, tokens)
  }
}

async function rejection(step: Promise<unknown>): Promise<GatewayError> {
  const error = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (GatewayError.is(error)) return error
  throw new Error(`no GatewayError but ${String(error)}`)
}

async function command(server: RedisServer, ...words: readonly string[]): Promise<void> {
  const admin = await createClient({ url: server.url }).connect()
  await admin.sendCommand(words)
  admin.destroy()
}
