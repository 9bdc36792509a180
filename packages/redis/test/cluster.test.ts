import { isDeepStrictEqual } from 'node:util'
import { RedisForgotError, redisLedger } from '@lazu/redis'
import { describeWithRedisCluster } from '@lazu/testkit'
import { Cluster } from 'ioredis'
import { createClient } from 'redis'
import { expect, it, onTestFinished } from 'vitest'
import { openedForTests, openIoredisCluster, openNodeRedisCluster } from './clients.js'
import { runContract } from './contract.js'

describeWithRedisCluster('the ledger', (servers) => {
  const url = (): string => servers().nodes[0]?.url ?? ''
  const nodeRedis = openedForTests(url, openNodeRedisCluster)
  const ioredis = openedForTests(url, openIoredisCluster)

  runContract('node-redis', nodeRedis)

  it('is one for several accounts, processes and clients', async () => {
    const ledgers = [
      redisLedger(nodeRedis(), { prefix: 'several' }),
      redisLedger(ioredis(), { prefix: 'several' }),
    ] as const
    const accounts = Array.from({ length: 20 }, (_, index) => `account ${index}`)
    for (const account of accounts) await ledgers[0].credit(account, 100, 'c1')
    await Promise.all(
      accounts.map(async (account) => {
        const id = `request of ${account}`
        await ledgers[0].reserve({ id, account, key: 'k1', amount: 60, ttlMs: 60_000 })
        expect(await ledgers[1].extend(id, 60_000)).toBe(true)
        await ledgers[1].settle(id, 25)
      }),
    )
    const balance = { granted: 100, settled: 25, held: 0, available: 75 }
    expect(await ledgers[1].accounts({ limit: 100 })).toEqual(
      accounts.toSorted().map((account) => ({ account, ...balance })),
    )
  })

  it('gives one id to one of many accounts that want it at once', async () => {
    const ledger = redisLedger(ioredis(), { prefix: 'one id' })
    const accounts = Array.from({ length: 20 }, (_, index) => `account ${index}`)
    for (const account of accounts) await ledger.credit(account, 100, 'c1')
    const outcomes = await Promise.allSettled(
      accounts.map(async (account) =>
        ledger.reserve({ id: 'r1', account, key: 'k1', amount: 60, ttlMs: 60_000 }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const held = (await ledger.accounts({ limit: 100 })).map((account) => account.held)
    expect(held.toSorted((one, other) => other - one).slice(0, 2)).toEqual([60, 0])
  })

  it('may be used before its client is connected', async () => {
    const client = new Cluster([url()], { lazyConnect: true })
    onTestFinished(() => client.disconnect())
    const ledger = redisLedger(client, { prefix: 'not connected' })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 60, ttlMs: 60_000 })
    expect(await ledger.balance('acme')).toMatchObject({ held: 60 })
  })

  it('refuses only the accounts of a node that forgot', async () => {
    const ledger = redisLedger(nodeRedis(), { prefix: 'one node' })
    const balance = { granted: 100, settled: 0, held: 0, available: 100 }
    const accounts = Array.from({ length: 30 }, (_, index) => `account ${index}`)
    for (const account of accounts) await ledger.credit(account, 100, 'c1')
    const node = await createClient({ url: url() }).connect()
    await node.sendCommand(['FLUSHALL'])
    node.destroy()
    const outcomes = await Promise.allSettled(accounts.map(async (name) => ledger.balance(name)))
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(accounts.length)
    const told = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? outcome.reason.cause : outcome.value,
    )
    const isRight = (one: unknown): boolean =>
      one instanceof RedisForgotError || isDeepStrictEqual(one, balance)
    expect(told.filter((one) => !isRight(one))).toEqual([])
  })
})
