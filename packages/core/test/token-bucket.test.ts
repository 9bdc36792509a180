import { ConfigurationError, createBucketRate, systemClock, TokenBucketMemory } from '@lazu/core'
import { FakeClock, runLimiterContract } from '@lazu/testkit'
import * as fc from 'fast-check'
import {
  RateLimiterCompatibleAbstract,
  RateLimiterRes,
  RLWrapperTimeouts,
} from 'rate-limiter-flexible'
import { describe, expect, it } from 'vitest'

runLimiterContract('TokenBucketMemory', (options) => new TokenBucketMemory(options))

/**
 * A bucket as the textbook has it, with a level that grows as time passes, in exact arithmetic:
 * whole milliseconds, and levels in 60,000ths of a token.
 */
class TextbookBucket {
  readonly #perMinute: bigint
  readonly #capacity: bigint
  #level: bigint
  #atMs: bigint

  constructor(perMinute: number, burst: number, nowMs: number) {
    this.#perMinute = BigInt(perMinute)
    this.#capacity = BigInt(burst) * 60_000n
    this.#level = this.#capacity
    this.#atMs = BigInt(nowMs)
  }

  take(cost: number, nowMs: number): boolean {
    this.#flow(nowMs)
    if (this.#level < BigInt(cost) * 60_000n) return false
    this.#level -= BigInt(cost) * 60_000n
    return true
  }

  adjust(delta: number, nowMs: number): void {
    this.#flow(nowMs)
    this.#level -= BigInt(delta) * 60_000n
    if (this.#level > this.#capacity) this.#level = this.#capacity
  }

  /** Milliseconds until so many tokens are there. */
  waitMs(tokens: number, nowMs: number): number {
    this.#flow(nowMs)
    const missing = BigInt(tokens) * 60_000n - this.#level
    return missing <= 0n ? 0 : Number(missing) / Number(this.#perMinute)
  }

  remaining(nowMs: number): number {
    this.#flow(nowMs)
    return this.#level < 0n ? 0 : Number(this.#level / 60_000n)
  }

  #flow(nowMs: number): void {
    this.#level += (BigInt(nowMs) - this.#atMs) * this.#perMinute
    if (this.#level > this.#capacity) this.#level = this.#capacity
    this.#atMs = BigInt(nowMs)
  }
}

describe('the token bucket in memory', () => {
  it('does in 10,000 random steps exactly what the textbook does', () => {
    const step = fc.record({
      pauseMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 0, max: 200_000 }),
      ),
      key: fc.constantFrom('a', 'b', '__proto__'),
      cost: fc.integer({ min: 0, max: 60 }),
      adjustBy: fc.option(fc.integer({ min: -60, max: 120 }), { freq: 3 }),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 60, max: 300 }),
        // Up to 99 days, where doubles are at their coarsest.
        fc.integer({ min: 0, max: 2 ** 33 }),
        fc.array(step, { minLength: 200, maxLength: 200 }),
        (perMinute, burst, fromMs, steps) => {
          const bucket = new TokenBucketMemory({ points: perMinute, burst })
          const books = new Map<string, TextbookBucket>()
          let nowMs = fromMs
          for (const { pauseMs, key, cost, adjustBy } of steps) {
            nowMs += pauseMs
            const book = books.get(key) ?? new TextbookBucket(perMinute, burst, fromMs)
            books.set(key, book)
            const expectedMs = book.waitMs(cost, nowMs)
            const waitMs = bucket.wait(key, cost, nowMs)
            expect(bucket.take(key, cost, nowMs)).toBe(waitMs)
            expect(waitMs === 0).toBe(book.take(cost, nowMs))
            expect(Math.abs(waitMs - expectedMs)).toBeLessThanOrEqual(0.001)
            if (adjustBy !== null) {
              bucket.adjust(key, adjustBy, nowMs)
              book.adjust(adjustBy, nowMs)
            }
            expect(bucket.remaining(key, nowMs)).toBe(book.remaining(nowMs))
            const fullInMs = bucket.fullInMs(key, nowMs)
            expect(Math.abs(fullInMs - book.waitMs(burst, nowMs))).toBeLessThanOrEqual(0.001)
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('passes after the wait it told, at any rate, by a clock of any fineness', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.double({ min: 0, max: 2 ** 33, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (perMinute, burst, fromMs, shares) => {
          const rate = createBucketRate(perMinute, burst)
          const bucket = new TokenBucketMemory({ points: 1 })
          let nowMs = fromMs
          for (const share of shares) {
            const cost = Math.max(1, Math.round(share * burst))
            const waitMs = bucket.wait('key', cost, nowMs, rate)
            const earlyMs = nowMs + Math.max(waitMs - 50, 0)
            expect(bucket.wait('key', cost, earlyMs, rate) === 0).toBe(waitMs === 0)
            expect(bucket.wait('key', cost, nowMs + Math.ceil(waitMs), rate)).toBe(0)
            nowMs += waitMs
            expect(bucket.take('key', cost, nowMs, rate)).toBe(0)
            expect(bucket.remaining('key', nowMs, rate)).toBeLessThanOrEqual(burst - cost)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('takes as many as it says remain', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.double({ min: 0, max: 60_000, noNaN: true }),
        (perMinute, debt, pauseMs) => {
          const bucket = new TokenBucketMemory({ points: perMinute })
          bucket.adjust('key', debt, 0)
          const remaining = bucket.remaining('key', pauseMs)
          let taken = 0
          while (bucket.take('key', 1, pauseMs) === 0) taken += 1
          expect(taken).toBe(remaining)
        },
      ),
    )
  })

  it('takes nothing by asking', () => {
    const bucket = new TokenBucketMemory({ points: 10 })
    expect(bucket.wait('key', 10, 0)).toBe(0)
    expect(bucket.size).toBe(0)
    expect(bucket.take('key', 10, 0)).toBe(0)
    expect(bucket.wait('key', 1, 0)).toBe(6000)
    expect(bucket.take('key', 11, 0)).toBe(Infinity)
  })

  it.each([-1, Number.NaN, -Infinity])('takes no cost of %d', (cost) => {
    const bucket = new TokenBucketMemory({ points: 10 })
    expect(() => bucket.take('key', cost, 0)).toThrow(RangeError)
    expect(() => bucket.wait('key', cost, 0)).toThrow(RangeError)
    expect(bucket.remaining('key', 0)).toBe(10)
  })

  it.each([Number.NaN, Infinity, -Infinity])('takes no correction of %d', (delta) => {
    const bucket = new TokenBucketMemory({ points: 10 })
    bucket.take('key', 5, 0)
    expect(() => bucket.adjust('key', delta, 0)).toThrow(RangeError)
    expect(bucket.remaining('key', 0)).toBe(5)
  })

  it('goes by the machine’s clock unless another is given', async () => {
    const bucket = new TokenBucketMemory({ points: 1 })
    await bucket.consume('key')
    const waitMs = bucket.wait('key', 1, systemClock.monotonicMs())
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(60_000)
  })
})

describe('a rate that is not the bucket’s own', () => {
  it('counts for the key it is used with', () => {
    const bucket = new TokenBucketMemory({ points: 10 })
    const gold = createBucketRate(600, 50)
    expect(bucket.take('gold', 50, 0, gold)).toBe(0)
    expect(bucket.take('gold', 1, 0, gold)).toBe(100)
    expect(bucket.fullInMs('gold', 0, gold)).toBe(5000)
    expect(bucket.take('plain', 10, 0)).toBe(0)
    expect(bucket.take('plain', 1, 0)).toBe(6000)
  })

  it('helps an empty bucket at once when it is faster', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    bucket.take('key', 60, 0)
    expect(bucket.wait('key', 1, 0, createBucketRate(600, 60))).toBe(100)
    expect(bucket.wait('key', 1, 0, createBucketRate(600))).toBe(100)
  })

  it('does not lock out an empty bucket when it is smaller or slower', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    bucket.take('key', 60, 0)
    expect(bucket.wait('key', 1, 0, createBucketRate(60, 10))).toBe(1000)
    expect(bucket.wait('key', 1, 0, createBucketRate(6))).toBe(10_000)
  })

  it('keeps what was there as the time it took to flow in', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    bucket.take('key', 30, 0)
    expect(bucket.remaining('key', 0, createBucketRate(600))).toBe(300)
    expect(bucket.remaining('key', 0, createBucketRate(6))).toBe(3)
    expect(bucket.remaining('key', 0, createBucketRate(600, 60))).toBe(60)
  })

  it('keeps a debt as long as it would have lasted', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    bucket.adjust('key', 90, 0)
    expect(bucket.wait('key', 1, 0)).toBe(31_000)
    expect(bucket.wait('key', 1, 0, createBucketRate(600))).toBe(30_100)
  })

  it('gains nothing by changing to and fro', () => {
    const rate = fc.constantFrom(
      createBucketRate(60),
      createBucketRate(60, 5),
      createBucketRate(600),
      createBucketRate(600, 20),
    )
    const step = fc.record({ pauseMs: fc.integer({ min: 0, max: 3000 }), rate })
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 200 }), (steps) => {
        const bucket = new TokenBucketMemory({ points: 60 })
        let nowMs = 0
        let takenMs = 0
        for (const { pauseMs, rate: current } of steps) {
          nowMs += pauseMs
          while (bucket.take('key', 1, nowMs, current) === 0) takenMs += current.msPerToken
          // The largest bucket holds a minute's worth, whatever the rate.
          expect(takenMs).toBeLessThanOrEqual(60_000 + nowMs + 0.001)
        }
      }),
    )
  })

  it.each([0, -1, 0.5, Number.NaN, Infinity])('is never %d', (wrong) => {
    expect(() => createBucketRate(wrong)).toThrow(RangeError)
    expect(() => createBucketRate(60, wrong)).toThrow(RangeError)
  })
})

describe('the memory of the token bucket', () => {
  it('forgets buckets that are full again, a few at each take', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    for (let index = 0; index < 10_000; index += 1) bucket.take(`key_${index}`, 1, 0)
    expect(bucket.size).toBe(10_000)
    for (let index = 0; index < 40_000; index += 1) bucket.take('other', 1, 2000 + index * 1000)
    expect(bucket.size).toBe(1)
  })

  it('never holds many more than twice the keys that are in use', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    let most = 0
    for (let index = 0; index < 100_000; index += 1) {
      bucket.take(`key_${index}`, 1, index)
      most = Math.max(most, bucket.size)
    }
    expect(most).toBeGreaterThanOrEqual(1000)
    expect(most).toBeLessThan(2500)
  })

  it('loses nothing of what is owed when others are forgotten', () => {
    const bucket = new TokenBucketMemory({ points: 60 })
    for (let index = 0; index < 100; index += 1)
      bucket.adjust(`debtor_${index}`, 100_000 + index, 0)
    for (let index = 0; index < 100_000; index += 1) bucket.take(`key_${index}`, 1, index)
    expect(bucket.size).toBeLessThan(2700)
    for (let index = 0; index < 100; index += 1) {
      const owedMs = (100_000 + index) * 1000 - 100_000
      expect(bucket.fullInMs(`debtor_${index}`, 100_000)).toBe(owedMs)
    }
  })

  it('agrees with a bucket that forgets nothing, whatever the keys and rates', () => {
    const rates = [createBucketRate(60), createBucketRate(600, 5), createBucketRate(6, 2)] as const
    const step = fc.record({
      pauseMs: fc.integer({ min: 0, max: 4000 }),
      key: fc.integer({ min: 0, max: 30 }),
      cost: fc.integer({ min: 1, max: 2 }),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 400 }), (steps) => {
        const shared = new TokenBucketMemory({ points: 60 })
        const alone = new Map<number, TokenBucketMemory>()
        let nowMs = 0
        for (const { pauseMs, key, cost } of steps) {
          nowMs += pauseMs
          const rate = rates[key % 3] ?? rates[0]
          const own = alone.get(key) ?? new TokenBucketMemory({ points: 60 })
          alone.set(key, own)
          expect(shared.take(`${key}`, cost, nowMs, rate)).toBe(own.take('key', cost, nowMs, rate))
        }
      }),
    )
  })

  it('holds no more than maxKeys of a million random keys', () => {
    const bucket = new TokenBucketMemory({ points: 1, maxKeys: 10_000 })
    let most = 0
    for (let index = 0; index < 1_000_000; index += 1) {
      bucket.take(Math.random().toString(36), 1, index / 1000)
      if (bucket.size > most) most = bucket.size
    }
    expect(most).toBe(10_000)
  })

  it.each([2, 10, 100, 10_000])('lets the least used go, of %i keys', (maxKeys) => {
    const bucket = new TokenBucketMemory({ points: 1, maxKeys })
    bucket.adjust('debtor', 1000, 0)
    for (let index = 0; index < 100_000; index += 1) bucket.take(`key_${index}`, 1, index / 1000)
    expect(bucket.size).toBe(maxKeys)
    expect(bucket.take('debtor', 1, 100)).toBe(1000 * 60_000 - 100)
  })

  it('works with a single key', () => {
    const bucket = new TokenBucketMemory({ points: 1, maxKeys: 1 })
    expect(bucket.take('a', 1, 0)).toBe(0)
    expect(bucket.take('a', 1, 0)).toBe(60_000)
    expect(bucket.take('b', 1, 0)).toBe(0)
    expect(bucket.size).toBe(1)
  })

  it('holds no timer', async () => {
    const clock = new FakeClock()
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const bucket = new TokenBucketMemory({ points: 1, clock })
    await bucket.consume('key')
    await bucket.block('key', 60)
    const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    expect(clock.waiting).toBe(0)
    expect(after).toBe(before)
  })
})

describe('the token bucket beside rate-limiter-flexible', () => {
  class BrokenLimiter extends RateLimiterCompatibleAbstract {
    override readonly keyPrefix = 'broken'
    override blockDuration = 0
    override execEvenly = false

    override consume(): Promise<RateLimiterRes> {
      return Promise.reject(new Error('the store is down'))
    }
  }

  it('stands in for a limiter whose store is down', async () => {
    const insuranceLimiter = new TokenBucketMemory({ points: 1, clock: new FakeClock() })
    const limiter = new RLWrapperTimeouts({
      limiter: new BrokenLimiter(),
      insuranceLimiter,
      timeoutMs: 10_000,
    })
    expect((await limiter.consume('key')).remainingPoints).toBe(0)
    await expect(limiter.consume('key')).rejects.toMatchObject({ msBeforeNext: 60_000 })
  })

  it('can be wrapped with a timeout', async () => {
    const bucket = new TokenBucketMemory({ points: 1, clock: new FakeClock() })
    const limiter = new RLWrapperTimeouts({ limiter: bucket, timeoutMs: 10_000 })
    expect((await limiter.consume('key')).remainingPoints).toBe(0)
    await expect(limiter.consume('key')).rejects.toBeInstanceOf(RateLimiterRes)
    expect(await limiter.get('key')).toMatchObject({ msBeforeNext: 60_000 })
    expect(await limiter.delete('key')).toBe(true)
  })

  it('has the name it is given', () => {
    expect(new TokenBucketMemory({ points: 1 }).keyPrefix).toBe('lazu')
    expect(new TokenBucketMemory({ points: 1, keyPrefix: 'tokens' }).keyPrefix).toBe('tokens')
  })
})

describe('the options of the token bucket', () => {
  it.each(['points', 'burst', 'maxKeys'])('take only a whole number from 1 for %s', (name) => {
    for (const wrong of [Number.NaN, Infinity, -Infinity, 0, -1, 0.5, '60', null]) {
      const options = { points: 60, [name]: wrong }
      expect(() => new TokenBucketMemory(options)).toThrow(ConfigurationError)
      expect(() => new TokenBucketMemory(options)).toThrow(`TokenBucketMemory.${name}`)
    }
  })

  it.each([Number.NaN, Infinity, 0, -1, 31_622_401])('take no duration of %d', (duration) => {
    expect(() => new TokenBucketMemory({ points: 60, duration })).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'LAZU_CONFIG_INVALID_OPTION',
        path: 'TokenBucketMemory.duration',
      }),
    )
  })

  it('take a duration of less than a second', async () => {
    const clock = new FakeClock()
    const bucket = new TokenBucketMemory({ points: 5, duration: 0.5, clock })
    await bucket.consume('key', 5)
    await expect(bucket.consume('key')).rejects.toMatchObject({ msBeforeNext: 100 })
  })

  it('take no more keys than can be held', () => {
    expect(() => new TokenBucketMemory({ points: 60, maxKeys: 8_000_001 })).toThrow(
      'TokenBucketMemory.maxKeys is 8000001. Give at most 8000000',
    )
  })

  it('must have points, and none that are not known', () => {
    const none = {}
    // @ts-expect-error points are missing
    expect(() => new TokenBucketMemory(none)).toThrow(
      expect.objectContaining({ code: 'LAZU_CONFIG_MISSING_OPTION' }),
    )
    const misspelt = { points: 60, brust: 10 }
    expect(() => new TokenBucketMemory(misspelt)).toThrow(
      expect.objectContaining({
        code: 'LAZU_CONFIG_UNKNOWN_OPTION',
        path: 'TokenBucketMemory.brust',
      }),
    )
  })
})
