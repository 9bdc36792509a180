import * as fc from 'fast-check'
import { RateLimiterRes, type RateLimiterLike } from 'rate-limiter-flexible'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'

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
          { numRuns: 50 },
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
          { numRuns: 50 },
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

    describe('keys', () => {
      it('have a bucket each, whatever they are called', async () => {
        const limiter = await make({ points: 2 })
        const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' ', 'a', 'A']
        keys.push('ä', '\u0000', 'a:b', '*', 'x'.repeat(10_000))
        for (const key of keys) await limiter.consume(key)
        for (const key of keys) expect(await takeAll(limiter, key)).toBe(1)
      })

      it('are the same as a number and as a text', async () => {
        const limiter = await make({ points: 2 })
        await limiter.consume(42)
        expect(await takeAll(limiter, '42')).toBe(1)
      })
    })

    describe('get', () => {
      it('knows nothing of a key whose bucket is full', async () => {
        const limiter = await make({ points: 60 })
        expect(await limiter.get('key')).toBeNull()
        await limiter.consume('key')
        clock.advance(1000)
        expect(await limiter.get('key')).toBeNull()
      })

      it('tells where the bucket stands and takes nothing', async () => {
        const limiter = await make({ points: 60 })
        await limiter.consume('key', 60)
        clock.advance(2500)
        for (let attempt = 0; attempt < 3; attempt += 1) {
          expect(await limiter.get('key')).toMatchObject({
            remainingPoints: 2,
            consumedPoints: 58,
            msBeforeNext: 0,
            isFirstInDuration: false,
          })
        }
      })
    })

    describe('penalty and reward', () => {
      it('take and give back', async () => {
        const limiter = await make({ points: 60 })
        expect((await limiter.penalty('key', 20)).remainingPoints).toBe(40)
        expect((await limiter.reward('key', 5)).remainingPoints).toBe(45)
        expect((await limiter.penalty('key')).remainingPoints).toBe(44)
        expect((await limiter.reward('key')).remainingPoints).toBe(45)
      })

      it('leave a debt that has to be filled up first', async () => {
        const limiter = await make({ points: 60, burst: 10 })
        expect(fieldsOf(await limiter.penalty('key', 15))).toMatchObject({
          remainingPoints: 0,
          consumedPoints: 15,
          msBeforeNext: 6000,
        })
        expect((await refusal(limiter, 'key', 2)).msBeforeNext).toBe(7000)
        clock.advance(7000)
        expect(await takeAll(limiter, 'key')).toBe(2)
      })

      it('never give more than a full bucket, nor anything to a fresh key', async () => {
        const limiter = await make({ points: 10 })
        expect((await limiter.reward('fresh', 1000)).remainingPoints).toBe(10)
        expect(await takeAll(limiter, 'fresh')).toBe(10)
        await limiter.consume('used', 3)
        expect((await limiter.reward('used', 1000)).remainingPoints).toBe(10)
        expect(await takeAll(limiter, 'used')).toBe(10)
      })
    })

    describe('block', () => {
      it('refuses for the time and then passes one', async () => {
        const limiter = await make({ points: 60 })
        expect(await limiter.block('key', 300)).toMatchObject({
          remainingPoints: 0,
          msBeforeNext: 300_000,
        })
        clock.advance(299_950)
        expect((await refusal(limiter, 'key')).msBeforeNext).toBe(50)
        clock.advance(50)
        expect(await takeAll(limiter, 'key')).toBe(1)
      })

      it('refuses for ever when the time is 0, until the key is deleted', async () => {
        const limiter = await make({ points: 60 })
        expect((await limiter.block('key', 0)).msBeforeNext).toBe(Infinity)
        clock.advance(1_000_000_000)
        expect((await refusal(limiter, 'key')).msBeforeNext).toBe(Infinity)
        expect((await limiter.reward('key', 1000)).remainingPoints).toBe(0)
        expect(await limiter.delete('key')).toBe(true)
        expect(await takeAll(limiter, 'key')).toBe(60)
      })

      it('never makes a wait shorter', async () => {
        const limiter = await make({ points: 60 })
        await limiter.penalty('key', 100)
        expect((await limiter.block('key', 1)).msBeforeNext).toBe(41_000)
      })

      it.each([-1, Number.NaN, Infinity])('takes no time of %d', async (seconds) => {
        const limiter = await make({ points: 60 })
        await expect(limiter.block('key', seconds)).rejects.toBeInstanceOf(Error)
        expect(await limiter.get('key')).toBeNull()
      })
    })

    describe('delete', () => {
      it('makes the bucket full and tells whether it was not', async () => {
        const limiter = await make({ points: 60 })
        await limiter.penalty('key', 1000)
        expect(await limiter.delete('key')).toBe(true)
        expect(await limiter.delete('key')).toBe(false)
        expect(await takeAll(limiter, 'key')).toBe(60)
        clock.advance(60_000)
        expect(await limiter.delete('key')).toBe(false)
      })
    })

    describe('set', () => {
      it('says how much has been taken, whatever was before', async () => {
        const limiter = await make({ points: 60 })
        await limiter.penalty('key', 1000)
        expect(await limiter.set('key', 58, 60)).toMatchObject({ remainingPoints: 2 })
        expect(await takeAll(limiter, 'key')).toBe(2)
        expect(await limiter.set('key', 0, 60)).toMatchObject({ remainingPoints: 60 })
        expect(await limiter.get('key')).toBeNull()
      })
    })

    describe('points that are no whole number from 0', () => {
      it.each([Number.NaN, Infinity, -Infinity, -1, 0.5, 2 ** 53])(
        'are an error and change nothing: %d',
        async (points) => {
          const limiter = await make({ points: 60 })
          await limiter.consume('key', 10)
          await expect(limiter.consume('key', points)).rejects.toBeInstanceOf(Error)
          await expect(limiter.penalty('key', points)).rejects.toBeInstanceOf(Error)
          await expect(limiter.reward('key', points)).rejects.toBeInstanceOf(Error)
          await expect(limiter.set('key', points, 60)).rejects.toBeInstanceOf(Error)
          expect(await takeAll(limiter, 'key')).toBe(50)
        },
      )

      it('takes nothing for 0, and refuses it while there is a debt', async () => {
        const limiter = await make({ points: 60 })
        await limiter.consume('key', 0)
        expect(await limiter.get('key')).toBeNull()
        await limiter.penalty('key', 61)
        expect((await refusal(limiter, 'key', 0)).msBeforeNext).toBe(1000)
      })
    })
  })
}

/** Takes one by one until it is refused, and tells how many passed. */
async function takeAll(limiter: RateLimiterLike, key: string): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    try {
      await limiter.consume(key)
    } catch (thrown) {
      ignoreRefusal(thrown)
      return taken
    }
  }
}

/** What the limiter refuses with; an error when it does not refuse. */
async function refusal(
  limiter: RateLimiterLike,
  key: string,
  points: number = 1,
): Promise<RateLimiterRes> {
  try {
    await limiter.consume(key, points)
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return thrown
    throw thrown
  }
  throw new Error(`${points} passed that should have been refused`)
}

function ignoreRefusal(thrown: unknown): number {
  if (thrown instanceof RateLimiterRes) return 0
  throw thrown
}

function isRejected(answer: PromiseSettledResult<unknown>): answer is PromiseRejectedResult {
  return answer.status === 'rejected'
}

function fieldsOf(state: RateLimiterRes): object {
  return state.toJSON()
}
