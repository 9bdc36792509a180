import { usd } from '@lazu/core'
import { redisLedger, type RedisLedger } from '@lazu/redis'
import { describeWithRedis } from '@lazu/testkit'
import { createClient } from 'redis'
import { expect, it, onTestFinished, vi } from 'vitest'
import { World, type Run } from '../packages/core/test/store-world.js'

const someone = { lost: 'account lost', fine: 'account fine' }

/** A gateway on a ledger in Redis, where two accounts have money. */
class RedisWorld extends World {
  readonly lostKey = this.keyOf(someone.lost)
  readonly fineKey = this.keyOf(someone.fine)

  constructor(ledger: RedisLedger) {
    // Nothing here is about time: a busy machine may take what it needs.
    super({ ledger, storeDeadline: '10s' }, 'real')
  }
}

describeWithRedis('a Redis that forgot one account', (server) => {
  it('costs no other account anything', async () => {
    const client = await createClient({ url: server().url }).connect()
    onTestFinished(() => client.destroy())
    const ledger = redisLedger(client, { prefix: 'forgotten' })
    await ledger.credit(someone.lost, usd(1), 'c1')
    await ledger.credit(someone.fine, usd(1), 'c1')
    const world = new RedisWorld(ledger)
    const lost: Run[] = []
    for (let count = 0; count < 10; count++) lost.push(await world.enter(world.lostKey))

    const keysOfLost = await client.keys(`{forgotten:account:${someone.lost}}*`)
    expect(await client.del(keysOfLost)).toBeGreaterThan(0)
    for (let times = 0; times < 10; times++) {
      const refused = await world.enter(world.lostKey)
      expect([refused.status, refused.degraded]).toEqual([503, 'ledger'])
      const served = await world.enter(world.fineKey)
      expect(served.passed).toBe(true)
      served.end(3)
    }
    for (const run of lost) run.end(2)
    await vi.waitFor(async () => {
      expect(await ledger.balance(someone.fine)).toMatchObject({ settled: 30, held: 0 })
      expect(world.gateway.readiness().unsettled).toBe(lost.length)
    })
    expect(world.gateway.readiness().stores).toEqual({ keys: 'ok', ledger: 'ok' })
    expect(world.degraded).toEqual([])

    await ledger.restore(someone.lost, { granted: usd(1), settled: 0 })
    await world.gateway.drained()
    expect(await ledger.balance(someone.lost)).toMatchObject({ settled: 20, held: 0 })
    expect(world.unsettled).toEqual([])
  })
})
