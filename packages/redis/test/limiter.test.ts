import { GatewayError } from '@lazu/core'
import { redisLimiter, type NodeRedisClient } from '@lazu/redis'
import { describeWithRedis, FakeClock } from '@lazu/testkit'
import { RateLimiterRedis, RateLimiterRes, RLWrapperTimeouts } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openedForTests, openIoredis, openIovalkey, openNodeRedis, type Opened } from './clients.js'

describeWithRedis('the limiter among many', (server) => {
  const client = openedForTests(() => server().url, openNodeRedis)

  it.each([10, 100, 1_000])('passes %i of 1,000 that ask by five clients', async (points) => {
    const opens = [openNodeRedis, openIoredis, openIovalkey, openNodeRedis, openIoredis]
    const opened: Opened[] = await Promise.all(opens.map(async (open) => open(server().url)))
    const limiters = opened.map((one) => redisLimiter(one.client, { points, keyPrefix: 'many' }))
    const key = `limit of ${points}`
    const startedMs = performance.now()
    const answers = await Promise.allSettled(
      limiters.flatMap((limiter) => Array.from({ length: 200 }, () => limiter.consume(key))),
    )
    const flowedIn = ((performance.now() - startedMs) * points) / 60_000
    const passed = answers.filter(({ status }) => status === 'fulfilled').length
    expect(passed).toBeGreaterThanOrEqual(points)
    expect(passed).toBeLessThanOrEqual(points + flowedIn)
    expect(answers.filter(isFailure)).toEqual([])
    for (const { close } of opened) close()
  })

  it('passes the rate and no more while it is asked all the time', async () => {
    const limiter = redisLimiter(client(), {
      points: 100,
      duration: 1,
      burst: 5,
      keyPrefix: 'rate',
    })
    const startedMs = performance.now()
    let passed = 0
    while (passed < 40) {
      const answers = await Promise.allSettled(
        Array.from({ length: 20 }, () => limiter.consume('key')),
      )
      passed += answers.filter(({ status }) => status === 'fulfilled').length
    }
    const flowedIn = (performance.now() - startedMs) / 10
    expect(passed).toBeLessThanOrEqual(5 + flowedIn)
  })

  it('works on when the server forgets its scripts', async () => {
    const admin = await createClient({ url: server().url }).connect()
    const limiter = redisLimiter(client(), { points: 100, duration: 3600, keyPrefix: 'scripts' })
    const answers: Promise<unknown>[] = []
    for (let index = 0; index < 200; index++) {
      if (index % 20 === 0) answers.push(admin.sendCommand(['SCRIPT', 'FLUSH']))
      answers.push(limiter.consume('key'))
    }
    const settled = await Promise.allSettled(answers)
    const refused = settled.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(100)
    expect(settled.filter(isFailure)).toEqual([])
    await admin.sendCommand(['SCRIPT', 'FLUSH'])
    expect((await limiter.penalty('key', 10)).consumedPoints).toBeGreaterThanOrEqual(109)
    admin.destroy()
  })

  it('keeps a bucket for as long as it takes to fill and a second, and none that is full', async () => {
    const admin = await createClient({ url: server().url }).connect()
    const limiter = redisLimiter(client(), { points: 60, keyPrefix: 'ends' })
    await limiter.consume('used', 10)
    await limiter.penalty('in debt', 120)
    await limiter.block('blocked', 600)
    await limiter.block('for ever', 0)
    await limiter.penalty('given back', 5)
    await limiter.reward('given back', 5)
    await limiter.reward('fresh', 5)
    await limiter.get('asked')
    await expect(limiter.consume('too much', 61)).rejects.toBeInstanceOf(RateLimiterRes)
    const names = (await admin.keys('{ends:*')).toSorted()
    const words = ['blocked', 'for ever', 'in debt', 'used']
    expect(names).toEqual(words.map((word) => `{ends:limit}:${word}`))
    const keptMs = await Promise.all(names.map(async (name) => admin.pTTL(name)))
    const expectedMs = [660_000, -1, 121_000, 61_000]
    for (const [index, ms] of keptMs.entries()) {
      const most = expectedMs[index] ?? 0
      expect(ms).toBeLessThanOrEqual(most)
      expect(ms).toBeGreaterThan(most === -1 ? -2 : most - 10_000)
    }
    admin.destroy()
  })

  it('writes nothing when it refuses', async () => {
    const admin = await createClient({ url: server().url }).connect()
    const limiter = redisLimiter(client(), { points: 1, duration: 3600, keyPrefix: 'refused' })
    await limiter.consume('key')
    const before = [await admin.get('{refused:limit}:key'), await changes(admin)]
    for (let attempt = 0; attempt < 20; attempt++) {
      await expect(limiter.consume('key')).rejects.toBeInstanceOf(RateLimiterRes)
    }
    expect([await admin.get('{refused:limit}:key'), await changes(admin)]).toEqual(before)
    admin.destroy()
  })

  it('knows the exact wait at rates that no microsecond divides', async () => {
    const clock = new FakeClock()
    const limiter = redisLimiter(client(), { points: 7, clock, keyPrefix: 'sevens' })
    for (let round = 0; round < 10; round++) {
      for (let count = 0; count < 7; count++) await limiter.consume('key')
      await expect(limiter.consume('key')).rejects.toMatchObject({ msBeforeNext: 8_572 })
      clock.advance(60_000)
    }
  })

  it('is a limit at the slowest rate and with the greatest debt', async () => {
    const clock = new FakeClock()
    const year = { points: 3, duration: 31_622_400, clock, keyPrefix: 'slow' }
    const limiter = redisLimiter(client(), year)
    for (let count = 0; count < 3; count++) await limiter.consume('key')
    await expect(limiter.consume('key')).rejects.toMatchObject({ msBeforeNext: 10_540_800_000 })
    await limiter.penalty('key', Number.MAX_SAFE_INTEGER)
    await limiter.penalty('key', Number.MAX_SAFE_INTEGER)
    await limiter.block('key', Number.MAX_VALUE)
    const refused: unknown = await limiter.consume('key').catch((reason: unknown) => reason)
    const yearMs = 31_622_400_000
    expect(refused instanceof RateLimiterRes && refused.msBeforeNext).toBeGreaterThan(90 * yearMs)
  })

  describe('in a process whose clock is an hour off', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    })

    afterEach(() => {
      vi.useRealTimers()
    })

    it.for([-1, 1])('decides as all others do (%s h)', async (hours) => {
      const options = { points: 10, duration: 3600, keyPrefix: `off ${hours}` }
      const right = redisLimiter(client(), options)
      const wrong = redisLimiter(client(), options)
      await right.consume('key', 9)
      vi.setSystemTime(Date.now() + hours * 3_600_000)
      expect(await wrong.consume('key')).toMatchObject({ remainingPoints: 0, consumedPoints: 10 })
      await expect(wrong.consume('key')).rejects.toBeInstanceOf(RateLimiterRes)
      vi.setSystemTime(Date.now() - hours * 3_600_000)
      const refused: unknown = await right.consume('key').catch((reason: unknown) => reason)
      expect(refused).toMatchObject({ consumedPoints: 10 })
      expect(refused instanceof RateLimiterRes && refused.msBeforeNext).toBeGreaterThan(300_000)
    })
  })

  describe('beside rate-limiter-flexible', () => {
    const ioredis = openedForTests(() => server().url, openIoredis)

    it('stands in for a limiter whose store is down', async () => {
      const down = new RateLimiterRedis({
        storeClient: { status: 'end' },
        points: 5,
        duration: 60,
        rejectIfRedisNotReady: true,
        insuranceLimiter: redisLimiter(ioredis(), { points: 1, keyPrefix: 'insurance' }),
      })
      expect(await down.consume('key')).toMatchObject({ remainingPoints: 0 })
      await expect(down.consume('key')).rejects.toBeInstanceOf(RateLimiterRes)
    })

    it('can be wrapped with a timeout', async () => {
      const limiter = new RLWrapperTimeouts({
        limiter: redisLimiter(client(), { points: 1, keyPrefix: 'wrapped' }),
        timeoutMs: 10_000,
      })
      expect(await limiter.consume('key')).toMatchObject({ remainingPoints: 0 })
      await expect(limiter.consume('key')).rejects.toBeInstanceOf(RateLimiterRes)
      expect(await limiter.delete('key')).toBe(true)
      expect(await limiter.get('key')).toBeNull()
    })
  })
})

describe('a limiter whose Redis fails', () => {
  it('fails with an error, and is no refusal', async () => {
    const gone = new Error('connect ECONNREFUSED')
    const client: NodeRedisClient = { sendCommand: () => Promise.reject(gone) }
    const limiter = redisLimiter(client, { points: 60 })
    const steps = [
      () => limiter.consume('key'),
      () => limiter.penalty('key'),
      () => limiter.get('key'),
      () => limiter.delete('key'),
    ]
    for (const step of steps) {
      const error: unknown = await step().catch((reason: unknown) => reason)
      expect(GatewayError.is(error) && error.condition).toBe('store_write_failed')
      expect(error).toMatchObject({ cause: gone })
    }
  })
})

describe('a limiter that cannot be', () => {
  const client: NodeRedisClient = { sendCommand: () => Promise.resolve('') }

  it.each([
    ['points', { points: 0 }],
    ['points', { points: 1.5 }],
    ['points', { points: undefined }],
    ['duration', { points: 60, duration: 0 }],
    ['duration', { points: 60, duration: 40_000_000 }],
    ['burst', { points: 60, burst: 0 }],
    ['burst', { points: 1, duration: 31_622_400, burst: 11 }],
    ['keyPrefix', { points: 60, keyPrefix: 'a{b}' }],
    ['keyPrefix', { points: 60, keyPrefix: '' }],
    ['rpm', { points: 60, rpm: 60 }],
  ])('names the option that is wrong: %s in %j', (name, options) => {
    const wrong: { points: number } = Object.assign({ points: 60 }, options)
    expect(() => redisLimiter(client, wrong)).toThrow(`redisLimiter().${name}`)
  })

  it('names the client that is none', () => {
    const none = Object.assign({ ...client }, { sendCommand: 1 })
    expect(() => redisLimiter(Object.assign({ ...client }, none), { points: 60 })).toThrow(
      'redisLimiter(client) is no client for Redis',
    )
  })

  it('has the fields it was given', () => {
    const whole = { points: 60, duration: 60, burst: 60, keyPrefix: 'lazu' }
    expect(redisLimiter(client, { points: 60 })).toMatchObject(whole)
    const given = { points: 6, duration: 1, burst: 9, keyPrefix: 'other' }
    expect(redisLimiter(client, given)).toMatchObject(given)
  })
})

/** Whether it is neither a success nor a refusal. */
function isFailure(answer: PromiseSettledResult<unknown>): boolean {
  return answer.status === 'rejected' && !(answer.reason instanceof RateLimiterRes)
}

async function changes(admin: { info(section: string): Promise<unknown> }): Promise<unknown> {
  return /rdb_changes_since_last_save:\d+/.exec(String(await admin.info('persistence')))?.[0]
}
