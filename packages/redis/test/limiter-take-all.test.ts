import { createBucketRate, TokenBucketMemory } from '@lazu/core'
import { redisLimiter, type BucketTake } from '@lazu/redis'
import { describeWithRedis, describeWithRedisCluster, FakeClock } from '@lazu/testkit'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { openedForTests, openIoredis, openNodeRedis, openNodeRedisCluster } from './clients.js'

describeWithRedis('taking from several buckets', (server) => {
  const client = openedForTests(() => server().url, openNodeRedis)
  const ioredis = openedForTests(() => server().url, openIoredis)

  it('takes from all, and tells where each stands', async () => {
    const limiter = redisLimiter(client(), {
      points: 1,
      clock: new FakeClock(),
      keyPrefix: 'all',
    })
    const takes = [
      { key: 'requests', cost: 1, points: 60, burst: 2 },
      { key: 'tokens', cost: 400, points: 1_000, duration: 1 },
    ]
    expect(await limiter.takeAll(takes)).toEqual({
      waitMs: 0,
      states: [
        { waitMs: 0, remaining: 1, moreInMs: 1_000, resetMs: 1_000 },
        { waitMs: 0, remaining: 600, moreInMs: 1, resetMs: 400 },
      ],
    })
    expect(await limiter.takeAll([])).toEqual({ waitMs: 0, states: [] })
  })

  it('takes from none when one refuses, and tells the longest wait', async () => {
    const clock = new FakeClock()
    const limiter = redisLimiter(client(), { points: 60, clock, keyPrefix: 'none' })
    await limiter.consume('a', 60)
    await limiter.penalty('b', 61)
    const takes = ['a', 'b', 'c'].map((key) => ({ key, cost: 1, points: 60 }))
    for (let attempt = 0; attempt < 10; attempt++) {
      const { waitMs, states } = await limiter.takeAll(takes)
      expect(waitMs).toBe(2_000)
      expect(states.map((state) => state.waitMs)).toEqual([1_000, 2_000, 0])
      expect(states.map((state) => state.remaining)).toEqual([0, 0, 60])
    }
    expect(await limiter.get('c')).toBeNull()
    clock.advance(2_000)
    expect((await limiter.takeAll(takes)).waitMs).toBe(0)
    const [tooMuch] = takes.map((take) => ({ ...take, cost: 61 }))
    expect((await limiter.takeAll(tooMuch === undefined ? [] : [tooMuch])).waitMs).toBe(Infinity)
  })

  it('takes from the buckets that consume takes from, and twice from one that is named twice', async () => {
    const clock = new FakeClock()
    const limiter = redisLimiter(client(), { points: 3, clock, keyPrefix: 'same' })
    const take = { key: 'key', cost: 1, points: 3 }
    expect((await limiter.takeAll([take, take])).states).toMatchObject([
      { remaining: 2 },
      { remaining: 1 },
    ])
    expect(await limiter.takeAll([take, take])).toMatchObject({
      waitMs: 20_000,
      states: [{ waitMs: 0 }, { waitMs: 20_000 }],
    })
    expect(await limiter.consume('key')).toMatchObject({ remainingPoints: 0, consumedPoints: 3 })
  })

  it('lets the slowest of three decide, whoever asks at once', async () => {
    const limiters = [client(), ioredis()].map((one) =>
      redisLimiter(one, { points: 1, keyPrefix: 'three' }),
    )
    const takes = [
      { key: 'key', cost: 1, points: 100, duration: 3_600 },
      { key: 'account', cost: 1, points: 30, duration: 3_600 },
      { key: 'address', cost: 2, points: 100, duration: 3_600 },
    ]
    const answers = await Promise.all(
      limiters.flatMap((limiter) =>
        Array.from({ length: 100 }, async () => limiter.takeAll(takes)),
      ),
    )
    expect(answers.filter(({ waitMs }) => waitMs === 0)).toHaveLength(30)
    const [one] = limiters
    const probe = takes.map((take) => ({ ...take, cost: 0 }))
    const { states } = (await one?.takeAll(probe)) ?? { states: [] }
    expect(states.map(({ remaining }) => remaining)).toEqual([70, 0, 40])
  })

  it('decides in random steps as the buckets in memory do', async () => {
    const take = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      cost: fc.integer({ min: 0, max: 12 }),
    })
    const step = fc.record({
      pauseMs: fc.integer({ min: 0, max: 5_000 }),
      takes: fc.uniqueArray(take, { selector: ({ key }) => key, minLength: 1, maxLength: 3 }),
    })
    let prefixes = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(step, { minLength: 10, maxLength: 40 }),
        async (points, burst, steps) => {
          const clock = new FakeClock()
          const keyPrefix = `random ${prefixes++}`
          const limiter = redisLimiter(client(), { points, clock, keyPrefix })
          const memory = new TokenBucketMemory({ points, clock })
          const rate = createBucketRate(points, burst)
          for (const { pauseMs, takes } of steps) {
            clock.advance(pauseMs)
            const nowMs = clock.monotonicMs()
            const waits = takes.map(({ key, cost }) => memory.wait(key, cost, nowMs, rate))
            const passes = waits.every((waitMs) => waitMs === 0)
            if (passes) for (const { key, cost } of takes) memory.take(key, cost, nowMs, rate)
            const rated = takes.map((one) => ({ ...one, points, burst }))
            const { waitMs, states } = await limiter.takeAll(rated)
            expect(waitMs === 0).toBe(passes)
            for (const [index, state] of states.entries()) {
              const { key } = takes[index] ?? { key: '' }
              expect(state.remaining).toBe(memory.remaining(key, nowMs, rate))
              expect(isNear(state.waitMs, waits[index] ?? Number.NaN)).toBe(true)
              expect(isNear(state.resetMs, memory.fullInMs(key, nowMs, rate))).toBe(true)
            }
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('names what is wrong, and takes nothing', async () => {
    const limiter = redisLimiter(client(), { points: 60, keyPrefix: 'wrong' })
    const good: BucketTake = { key: 'key', cost: 1, points: 60 }
    const wrongs: [string, Partial<BucketTake>][] = [
      ['points', { points: 0.5 }],
      ['points', { points: Number.NaN }],
      ['burst', { burst: 0 }],
      ['burst', { burst: Number.MAX_SAFE_INTEGER }],
      ['duration', { duration: 0 }],
      ['duration', { duration: Infinity }],
      ['points', { cost: -1 }],
      ['points', { cost: Number.NaN }],
    ]
    for (const [named, wrong] of wrongs) {
      const taking = limiter.takeAll([good, { ...good, ...wrong }])
      await expect(taking).rejects.toBeInstanceOf(RangeError)
      await expect(taking).rejects.toThrow(named)
    }
    expect(await limiter.get('key')).toBeNull()
  })
})

describeWithRedisCluster('taking from several buckets', (servers) => {
  const client = openedForTests(() => servers().nodes[0]?.url ?? '', openNodeRedisCluster)

  it('needs keys with the same part in braces', async () => {
    const limiter = redisLimiter(client(), { points: 2, keyPrefix: 'braces' })
    const hour = { cost: 1, points: 2, duration: 3_600 }
    for (const account of ['acme', 'other', 'third', 'fourth', 'fifth']) {
      const names = ['requests', 'tokens', 'address']
      const takes = names.map((name) => ({ ...hour, key: `{${account}}:${name}` }))
      const waits = []
      for (let count = 0; count < 3; count++) waits.push((await limiter.takeAll(takes)).waitMs > 0)
      expect(waits).toEqual([false, false, true])
    }
    const apart = ['a', 'b', 'c'].map((key) => ({ ...hour, key }))
    await expect(limiter.takeAll(apart)).rejects.toMatchObject({
      condition: 'store_write_failed',
    })
    for (const { key } of apart) expect(await limiter.get(key)).toBeNull()
  })
})

/** Whether it is the same wait but for a microsecond, by which the two round. */
function isNear(ms: number, expectedMs: number): boolean {
  return ms === expectedMs || Math.abs(ms - expectedMs) < 0.0015
}
