import * as fc from 'fast-check'
import { RateLimiterRes, type RateLimiterLike } from 'rate-limiter-flexible'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { takeAll, refusal, ignoreRefusal, isRejected, fieldsOf } from './limiter-calls.js'
import { describeLimiterMethods } from './limiter-contract-methods.js'

/** What a limiter is made with, for one test. */
export interface LimiterContractOptions {
  /** Tokens that flow in during `duration`. */
  readonly points: number
  /** Seconds; a minute unless given. */
  readonly duration?: number
  /** What the bucket holds; `points` unless given. */
  readonly burst?: number
  /** The time the limiter must go by. */
  readonly clock: FakeClock
}

/**
 * How every token bucket on rate-limiter-flexible's contract behaves, in memory or in a store.
 *
 * @param makeLimiter makes a limiter that knows no key yet; called once or more in each test. One
 *   that goes by its store's time must be made to go by the clock that it is given
 */
export function runLimiterContract(
  name: string,
  makeLimiter: (options: LimiterContractOptions) => RateLimiterLike | Promise<RateLimiterLike>,
): void {
  describe(`${name} as a limiter`, () => {
    let clock: FakeClock

    beforeEach(() => {
      clock = new FakeClock()
    })

    const make = async (options: Omit<LimiterContractOptions, 'clock'>): Promise<RateLimiterLike> =>
      makeLimiter({ ...options, clock })

    describe('taking', () => {
      it.each([1, 10, 199])('passes exactly %i of 200 at once', async (points) => {
        const limiter = await make({ points })
        const answers = await Promise.allSettled(
          Array.from({ length: 200 }, () => limiter.consume('key')),
        )
        expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(points)
        for (const answer of answers.filter(isRejected)) {
          expect(answer.reason).toBeInstanceOf(RateLimiterRes)
        }
      })

      it('passes a burst at once, and then the rate', async () => {
        const limiter = await make({ points: 60, burst: 5 })
        expect(await takeAll(limiter, 'key')).toBe(5)
        clock.advance(1000)
        expect(await takeAll(limiter, 'key')).toBe(1)
        clock.advance(600_000)
        expect(await takeAll(limiter, 'key')).toBe(5)
      })

      it('lets a burst be larger than what flows in', async () => {
        const limiter = await make({ points: 6, burst: 20 })
        expect(await takeAll(limiter, 'key')).toBe(20)
        clock.advance(10_000)
        expect(await takeAll(limiter, 'key')).toBe(1)
      })

      it('goes by the duration', async () => {
        const limiter = await make({ points: 10, duration: 1 })
        expect(await takeAll(limiter, 'key')).toBe(10)
        clock.advance(100)
        expect(await takeAll(limiter, 'key')).toBe(1)
      })

      it('tells where the bucket stands', async () => {
        const limiter = await make({ points: 60, burst: 10 })
        expect(fieldsOf(await limiter.consume('key', 3))).toEqual({
          remainingPoints: 7,
          consumedPoints: 3,
          msBeforeNext: 0,
          isFirstInDuration: true,
        })
        expect(fieldsOf(await limiter.consume('key', 7))).toEqual({
          remainingPoints: 0,
          consumedPoints: 10,
          msBeforeNext: 1000,
          isFirstInDuration: false,
        })
      })

      it.each([
        { points: 60, waitMs: 1000 },
        { points: 7, waitMs: 8572 },
        { points: 1, waitMs: 60_000 },
        { points: 60_000, waitMs: 1 },
      ])('knows the exact wait at $points a minute: $waitMs ms', async ({ points, waitMs }) => {
        const limiter = await make({ points })
        await limiter.consume('key', points)
        expect(fieldsOf(await refusal(limiter, 'key'))).toEqual({
          remainingPoints: 0,
          consumedPoints: points,
          msBeforeNext: waitMs,
          isFirstInDuration: false,
        })
      })

      it('counts what has passed of a wait', async () => {
        const limiter = await make({ points: 60 })
        await limiter.consume('key', 60)
        clock.advance(250)
        expect((await refusal(limiter, 'key')).msBeforeNext).toBe(750)
        expect((await refusal(limiter, 'key', 10)).msBeforeNext).toBe(9750)
      })

      it('passes after exactly the wait it told, and not 50 ms before', async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 1, max: 1000 }),
            fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 10 }),
            fc.double({ min: 0, max: 1, noNaN: true }),
            async (points, pausesMs, share) => {
              const limiter = await make({ points })
              for (const pauseMs of pausesMs) {
                await limiter.consume('key').catch(ignoreRefusal)
                clock.advance(pauseMs)
              }
              await takeAll(limiter, 'key')
              const cost = Math.max(1, Math.round(points * share))
              const { msBeforeNext } = await refusal(limiter, 'key', cost)
              expect(Number.isInteger(msBeforeNext)).toBe(true)
              const restMs = Math.min(msBeforeNext, 50)
              clock.advance(msBeforeNext - restMs)
              expect((await refusal(limiter, 'key', cost)).msBeforeNext).toBe(restMs)
              clock.advance(restMs)
              await limiter.consume('key', cost)
            },
          ),
          { numRuns: 25 },
        )
      })

      it('takes nothing when it refuses', async () => {
        const limiter = await make({ points: 60 })
        await limiter.consume('key', 50)
        for (let attempt = 0; attempt < 100; attempt += 1) await refusal(limiter, 'key', 11)
        expect(await takeAll(limiter, 'key')).toBe(10)
        for (let attempt = 0; attempt < 100; attempt += 1) await refusal(limiter, 'key')
        clock.advance(1000)
        expect(await takeAll(limiter, 'key')).toBe(1)
      })

      it('refuses for ever what the bucket could never hold, and is no error', async () => {
        const limiter = await make({ points: 60, burst: 10 })
        const refused = await refusal(limiter, 'key', 11)
        expect(refused.msBeforeNext).toBe(Infinity)
        expect(refused.remainingPoints).toBe(10)
        clock.advance(600_000)
        await refusal(limiter, 'key', 11)
        expect(await takeAll(limiter, 'key')).toBe(10)
      })

      it('never passes more than the burst and what flowed in', async () => {
        const step = fc.record({
          pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5000 })),
          cost: fc.integer({ min: 0, max: 12 }),
        })
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 1, max: 600 }),
            fc.integer({ min: 1, max: 20 }),
            fc.array(step, { minLength: 20, maxLength: 100 }),
            async (points, burst, steps) => {
              const limiter = await make({ points, burst })
              const fromMs = clock.monotonicMs()
              let taken = 0
              for (const { pauseMs, cost } of steps) {
                clock.advance(pauseMs)
                taken += await limiter.consume('key', cost).then(() => cost, ignoreRefusal)
                // A thousandth of a token for the rounding of times.
                const most = burst + ((clock.monotonicMs() - fromMs) * points) / 60_000 + 0.001
                expect(taken).toBeLessThanOrEqual(most)
              }
            },
          ),
          { numRuns: 25 },
        )
      })

      it('does not mind what happens to the system clock', async () => {
        const limiter = await make({ points: 60 })
        await limiter.consume('key', 60)
        clock.setWallMs(clock.wallMs() + 86_400_000)
        expect((await refusal(limiter, 'key')).msBeforeNext).toBe(1000)
        clock.setWallMs(clock.wallMs() - 2 * 86_400_000)
        expect((await refusal(limiter, 'key')).msBeforeNext).toBe(1000)
        clock.advance(1000)
        expect(await takeAll(limiter, 'key')).toBe(1)
      })
    })

    describeLimiterMethods(make, () => clock)
  })
}
