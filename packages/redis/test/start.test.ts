import { ConfigurationError, GatewayError } from '@lazu/core'
import { redisLedger, type NodeRedisClient } from '@lazu/redis'
import { describeWithRedis } from '@lazu/testkit'
import { createClient } from 'redis'
import { beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import { openedForTests, openIoredis, openIovalkey, openNodeRedis } from './clients.js'

describeWithRedis('the start of a ledger', (server) => {
  const nodeRedis = openedForTests(() => server().url, openNodeRedis)
  const ioredis = openedForTests(() => server().url, openIoredis)
  const iovalkey = openedForTests(() => server().url, openIovalkey)
  let warnings: MockInstance<typeof process.emitWarning>

  beforeEach(async () => {
    warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await admin('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })

  async function admin(...args: string[]): Promise<void> {
    const client = await createClient({ url: server().url }).connect()
    await client.sendCommand(args)
    client.destroy()
  }

  it('says nothing when all is well, by any client', async () => {
    for (const client of [nodeRedis(), ioredis(), iovalkey()]) {
      await redisLedger(client).balance('acme')
    }
    expect(warnings).not.toHaveBeenCalled()
  })

  it('warns once of a server that may drop reservations, by any client', async () => {
    await admin('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    for (const client of [nodeRedis(), ioredis(), iovalkey()]) {
      warnings.mockClear()
      const ledger = redisLedger(client)
      await Promise.all([ledger.balance('acme'), ledger.balance('acme')])
      await ledger.balance('acme')
      expect(warnings).toHaveBeenCalledExactlyOnceWith(
        expect.stringContaining('"allkeys-lru"'),
        expect.objectContaining({ code: 'LAZU_REDIS_EVICTION' }),
      )
    }
  })

  it('warns when the server does not tell, and works', async () => {
    await admin('ACL', 'SETUSER', 'app', 'on', 'nopass', '~*', '+@all', '-config')
    const client = createClient({ url: server().url, username: 'app', password: 'any' })
    await client.connect()
    const ledger = redisLedger(client, { prefix: 'app' })
    expect(await ledger.credit('acme', 100, 'c1')).toMatchObject({ granted: 100 })
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('could not read'),
      expect.objectContaining({ code: 'LAZU_REDIS_EVICTION_UNKNOWN' }),
    )
    client.destroy()
  })

  it('is possible with node-redis in either version of the protocol', async () => {
    for (const RESP of [2, 3] as const) {
      const client = createClient({ url: server().url, RESP })
      await client.connect()
      const ledger = redisLedger(client, { prefix: `RESP ${RESP}` })
      await ledger.credit('acme', 100, 'c1')
      await ledger.credit('other', 100, 'c1')
      for (const account of ['acme', 'other']) {
        await ledger.reserve({ id: account, account, key: 'k1', amount: 1, ttlMs: 60_000 })
        await ledger.settle(account, 1)
      }
      const query = { from: '2026-01-01', to: '9999-12-31', by: 'key' } as const
      expect(await ledger.usage({ key: 'k1', ...query })).toMatchObject([{ amount: 2 }])
      expect(await ledger.movements('acme')).toHaveLength(2)
      client.destroy()
    }
    expect(warnings).not.toHaveBeenCalled()
  })

  it('is tried again when the server could not be reached', async () => {
    let isAway = true
    const reachable = await createClient({ url: server().url }).connect()
    const client: NodeRedisClient = {
      async sendCommand(args) {
        if (isAway) throw new Error('connect ECONNREFUSED')
        return reachable.sendCommand(args)
      },
    }
    const ledger = redisLedger(client, { prefix: 'away' })
    const error: unknown = await ledger.credit('acme', 1, 'c1').catch((reason: unknown) => reason)
    expect(GatewayError.is(error) && error.condition).toBe('store_write_failed')
    expect(error).toMatchObject({ cause: { message: 'connect ECONNREFUSED' } })
    isAway = false
    expect(await ledger.credit('acme', 1, 'c1')).toMatchObject({ granted: 1 })
    reachable.destroy()
  })

  it.each([
    ['Redis', 'redis_version:7.0.15\r\nredis_mode:cluster'],
    ['Valkey', 'redis_version:7.2.4\r\nserver_name:valkey\r\nserver_mode:cluster'],
  ])('asks a cluster of %s for one slot at a time', async (name, info) => {
    const reachable = await createClient({ url: server().url }).connect()
    const slots: number[] = []
    const client: NodeRedisClient = {
      async sendCommand(args) {
        if (args[0] === 'INFO') return info
        if (args[0] === 'EVALSHA') {
          const keys = args.slice(3, 3 + Number(args[2]))
          slots.push(new Set(keys.map((key) => /\{.*?\}/.exec(key)?.[0] ?? key)).size)
        }
        return reachable.sendCommand([...args])
      },
    }
    const ledger = redisLedger(client, { prefix: name })
    await ledger.credit('acme', 10, 'c1')
    await ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 10, ttlMs: 60_000 })
    expect(await ledger.settle('r1', 4)).toMatchObject({ ended: 'settled', amount: 4 })
    expect(slots.length).toBeGreaterThan(2)
    expect(new Set(slots)).toEqual(new Set([1]))
    reachable.destroy()
  })
})

describe('a ledger that cannot be', () => {
  it('is one on a Redis that is too old', async () => {
    const client: NodeRedisClient = {
      sendCommand: () =>
        Promise.resolve('# Server\r\nredis_version:6.0.16\r\nredis_mode:standalone'),
    }
    const ledger = redisLedger(client)
    const error: unknown = await ledger.balance('acme').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(String(error)).toContain('is connected to Redis 6.0.16. Use Redis 6.2 or newer')
  })

  it('is one with wrong options, or without a client', () => {
    const client: NodeRedisClient = { sendCommand: () => Promise.resolve('') }
    expect(() => redisLedger(client, { prefix: 'a{b}' })).toThrow('redisLedger().prefix')
    expect(() => redisLedger(client, { prefix: '' })).toThrow('redisLedger().prefix')
    const wrong = (options: object): (() => unknown) => {
      return () => redisLedger(client, Object.assign({}, options))
    }
    expect(wrong({ journal: 'yes' })).toThrow('redisLedger().journal')
    expect(wrong({ durable: {} })).toThrow('redisLedger().durable')
    expect(wrong({ ttl: 1 })).toThrow('redisLedger().ttl is not an option')
    expect(() => redisLedger(Object.assign(client, { sendCommand: 1 }))).toThrow(
      'redisLedger(client) is no client for Redis',
    )
  })

  it('takes no name that has no UTF-8', async () => {
    const client: NodeRedisClient = {
      sendCommand: () => Promise.reject(new Error('nothing should be sent')),
    }
    const ledger = redisLedger(client)
    const half = '\ud800'
    const request = { id: 'r1', account: 'acme', key: 'k1', amount: 1, ttlMs: 1 }
    const steps: [string, Promise<unknown>][] = [
      ['id', ledger.reserve({ ...request, id: half })],
      ['account', ledger.reserve({ ...request, account: half })],
      ['key', ledger.reserve({ ...request, key: half })],
      ['model', ledger.reserve({ ...request, model: half })],
      ['id', ledger.settle(half, 1)],
      ['id', ledger.release(half)],
      ['id', ledger.extend(half, 1)],
      ['account', ledger.balance(half)],
      ['account', ledger.credit(half, 1, 'c1')],
      ['reference', ledger.credit('acme', 1, half)],
      ['account', ledger.createAccount(half)],
    ]
    for (const [named, step] of steps) {
      await expect(step).rejects.toThrow(new RangeError(`${named} is no well-formed text`))
    }
  })
})
