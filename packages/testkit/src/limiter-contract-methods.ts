import { type RateLimiterLike } from 'rate-limiter-flexible'
import { describe, expect, it } from 'vitest'
import type { FakeClock } from './fake-clock.js'
import { takeAll, refusal, fieldsOf } from './limiter-calls.js'
import type { LimiterContractOptions } from './limiter-contract.js'

/** The part of a limiter's contract that is about its methods beside `consume`. */
export function describeLimiterMethods(
  make: (options: Omit<LimiterContractOptions, 'clock'>) => Promise<RateLimiterLike>,
  clock: () => FakeClock,
): void {
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
      clock().advance(1000)
      expect(await limiter.get('key')).toBeNull()
    })

    it('tells where the bucket stands and takes nothing', async () => {
      const limiter = await make({ points: 60 })
      await limiter.consume('key', 60)
      clock().advance(2500)
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
      clock().advance(7000)
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
      clock().advance(299_950)
      expect((await refusal(limiter, 'key')).msBeforeNext).toBe(50)
      clock().advance(50)
      expect(await takeAll(limiter, 'key')).toBe(1)
    })

    it('refuses for ever when the time is 0, until the key is deleted', async () => {
      const limiter = await make({ points: 60 })
      expect((await limiter.block('key', 0)).msBeforeNext).toBe(Infinity)
      clock().advance(1_000_000_000)
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
      clock().advance(60_000)
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
}
