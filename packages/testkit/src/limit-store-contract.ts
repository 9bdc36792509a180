import {
  createBucketRate,
  TokenBucketMemory,
  type BucketAsk,
  type LimitStore,
  type PlaceAsk,
} from '@lazu/core'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { MakeLimitStore } from './adapter-contract/world.js'
import { FakeClock } from './fake-clock.js'

/**
 * How every store of limits behaves.
 *
 * @param makeStore makes a store that nothing was counted in and that goes by the clock; called once or
 *   more in each test
 */
export function runLimitStoreContract(name: string, makeStore: MakeLimitStore): void {
  describe(`${name} as a store of limits`, () => {
    let clock: FakeClock
    let store: LimitStore

    beforeEach(() => {
      clock = new FakeClock()
      store = makeStore(clock)
    })

    const passes = async (...asks: readonly (BucketAsk | PlaceAsk)[]): Promise<boolean> =>
      (await store.take(asks)).passes

    describe('buckets', () => {
      it('pass what they hold at once, and then what flows in', async () => {
        const ask = bucket('a', { perMinute: 60, burst: 3 })
        const answers = await Promise.all(Array.from({ length: 5 }, () => passes(ask)))
        expect(answers.filter(Boolean)).toHaveLength(3)
        clock.advance(999)
        expect(await passes(ask)).toBe(false)
        clock.advance(1)
        expect([await passes(ask), await passes(ask)]).toEqual([true, false])
      })

      it('take from all, or from none, and tell how each stood', async () => {
        const a = bucket('a', { perMinute: 60 })
        const b = bucket('b', { perMinute: 60, cost: 40 })
        expect(await store.take([a, b])).toEqual({ passes: true, before: [0, 0] })
        for (let attempt = 0; attempt < 5; attempt++) {
          expect(await store.take([a, b])).toEqual({ passes: false, before: [1_000, 40_000] })
        }
        expect(await store.take([])).toEqual({ passes: true, before: [] })
      })

      it('let the slowest decide, whoever asks at once', async () => {
        const asks = [
          bucket('key', { perMinute: 100 }),
          bucket('account', { perMinute: 30 }),
          place('in flight', 'p', 1_000),
        ]
        const answers = await Promise.all(Array.from({ length: 200 }, () => passes(...asks)))
        expect(answers.filter(Boolean)).toHaveLength(30)
        const { before } = await store.take(asks.map((ask) => ({ ...ask, cost: 0 })))
        expect(before.slice(0, 2)).toEqual([18_000, 60_000])
      })

      it('that only observe refuse nobody, and take what fits', async () => {
        const observed = bucket('observed', { perMinute: 2, observe: true })
        const enforced = bucket('enforced', { perMinute: 4 })
        const befores: (readonly number[])[] = []
        for (let count = 0; count < 5; count++) {
          befores.push((await store.take([observed, enforced])).before)
        }
        expect(befores.map(([before]) => before)).toEqual([0, 30_000, 60_000, 60_000, 60_000])
        expect(await passes(enforced)).toBe(false)
        // What another rule refuses is not taken from those that only observe either.
        const fresh = bucket('fresh', { perMinute: 2, observe: true })
        expect(await passes(fresh, enforced)).toBe(false)
        expect(await store.take([fresh])).toEqual({ passes: true, before: [0] })
      })

      it('stay as empty as they are when their rate changes', async () => {
        const slow = bucket('a', { perMinute: 60, burst: 10, cost: 10 })
        expect(await passes(slow)).toBe(true)
        const fast = bucket('a', { perMinute: 600 })
        expect((await store.take([{ ...fast, cost: 600 }])).before).toEqual([60_000])
        clock.advance(100)
        expect([await passes(fast), await passes(fast)]).toEqual([true, false])
        expect((await store.take([slow])).before).toEqual([10_000])
      })

      it('are corrected, may be left in debt, and never hold more than they can', async () => {
        const ask = bucket('a', { perMinute: 60, cost: 20 })
        expect(await passes(ask)).toBe(true)
        const { rate } = ask
        await store.adjust([
          { name: 'a', rate, delta: 100 },
          { name: 'other', rate, delta: 5 },
        ])
        expect((await store.take([ask])).before).toEqual([120_000])
        await store.adjust([{ name: 'a', rate, delta: -90 }])
        expect((await store.take([ask])).before).toEqual([30_000])
        await store.adjust([{ name: 'a', rate, delta: -90 }])
        expect((await store.take([ask, bucket('other', { perMinute: 60 })])).before).toEqual([
          0, 5_000,
        ])
      })

      it('decide in random steps as those in memory do', async () => {
        const step = fc.record({
          pauseMs: fc.integer({ min: 0, max: 5_000 }),
          delta: fc.integer({ min: -5, max: 5 }),
          takes: fc.uniqueArray(
            fc.record({
              key: fc.constantFrom('a', 'b', 'c'),
              cost: fc.integer({ min: 0, max: 12 }),
            }),
            { selector: ({ key }) => key, minLength: 1, maxLength: 3 },
          ),
        })
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 1, max: 600 }),
            fc.integer({ min: 1, max: 20 }),
            fc.array(step, { minLength: 10, maxLength: 40 }),
            async (perMinute, burst, steps) => {
              const one = makeStore(clock)
              const memory = new TokenBucketMemory({ points: 1, clock })
              const rate = createBucketRate(perMinute, burst)
              for (const { pauseMs, takes, delta } of steps) {
                clock.advance(pauseMs)
                const nowMs = clock.monotonicMs()
                const fullIn = takes.map(({ key }) => memory.fullInMs(key, nowMs, rate))
                const fits = takes.every(
                  ({ key, cost }) => memory.wait(key, cost, nowMs, rate) === 0,
                )
                if (fits) for (const { key, cost } of takes) memory.take(key, cost, nowMs, rate)
                const answer = await one.take(
                  takes.map(({ key, cost }) => bucket(key, { perMinute, burst, cost })),
                )
                expect(answer.passes).toBe(fits)
                for (const [index, ms] of answer.before.entries()) {
                  // They round by different microseconds.
                  expect(Math.abs(ms - (fullIn[index] ?? Infinity))).toBeLessThan(0.0015)
                }
                memory.adjust('a', delta, nowMs, rate)
                await one.adjust([{ name: 'a', rate, delta }])
              }
            },
          ),
          { numRuns: 25 },
        )
      })
    })

    describe('places', () => {
      it('are held by so many, until they are freed', async () => {
        expect(await passes(place('k', '1', 2))).toBe(true)
        expect(await store.take([place('k', '2', 2)])).toEqual({ passes: true, before: [1] })
        expect(await store.take([place('k', '3', 2)])).toEqual({ passes: false, before: [2] })
        expect(await passes(place('other', '4', 1))).toBe(true)
        await store.free([
          { name: 'k', id: '1' },
          { name: 'k', id: 'nobody' },
          { name: 'nothing', id: '1' },
        ])
        expect(await passes(place('k', '3', 2))).toBe(true)
        expect(await passes(place('k', '5', 2))).toBe(false)
      })

      it('are held once by a request that asks twice, as a client does whose answer was cut off', async () => {
        expect(await passes(place('k', '1', 1))).toBe(true)
        expect(await store.take([place('k', '1', 1)])).toEqual({ passes: true, before: [0] })
        expect(await store.take([place('k', '2', 1)])).toEqual({ passes: false, before: [1] })
        await store.free([{ name: 'k', id: '1' }])
        expect(await passes(place('k', '2', 1))).toBe(true)
      })

      it('let through exactly so many of all at once', async () => {
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, index) => passes(place('k', String(index), 7))),
        )
        expect(answers.filter(Boolean)).toHaveLength(7)
      })

      it('are not taken when a bucket refuses, nor buckets when there is no place', async () => {
        const one = bucket('a', { perMinute: 1 })
        expect(await passes(one)).toBe(true)
        expect(await passes(one, place('k', '1', 1))).toBe(false)
        expect(await passes(place('k', '2', 1))).toBe(true)
        const two = bucket('b', { perMinute: 1 })
        expect(await passes(two, place('k', '3', 1))).toBe(false)
        expect(await passes(two)).toBe(true)
      })

      it('come back by themselves when nobody holds on to them', async () => {
        expect(await passes(place('k', '1', 1))).toBe(true)
        clock.advance(store.leaseMs - 1)
        expect(await passes(place('k', '2', 1))).toBe(false)
        clock.advance(1)
        expect(await passes(place('k', '2', 1))).toBe(true)
      })

      it('are held on to for as long as somebody does, and taken up again', async () => {
        const held = [
          { name: 'k', id: '1' },
          { name: 'l', id: '2' },
        ]
        expect(await passes(place('k', '1', 1), place('l', '2', 1))).toBe(true)
        for (let times = 0; times < 5; times++) {
          clock.advance(store.leaseMs - 1)
          await store.hold(held)
        }
        expect(await passes(place('k', '3', 1))).toBe(false)
        expect(await passes(place('l', '3', 1))).toBe(false)
        clock.advance(store.leaseMs)
        expect(await passes(place('k', '3', 2))).toBe(true)
        await store.hold(held)
        expect(await passes(place('k', '4', 2))).toBe(false)
        await store.free(held)
        expect(await passes(place('k', '4', 2))).toBe(true)
      })

      it('of a rule that only observes refuse nobody', async () => {
        const observed = { ...place('k', '1', 1), observe: true }
        expect(await store.take([observed])).toEqual({ passes: true, before: [0] })
        for (const id of ['2', '3']) {
          expect(await store.take([{ ...observed, id }])).toEqual({ passes: true, before: [1] })
        }
      })

      it('are many at once', async () => {
        const held = Array.from({ length: 1_200 }, (_, index) => ({ name: 'k', id: `p${index}` }))
        await store.hold(held)
        expect(await store.take([place('k', 'x', 1)])).toEqual({ passes: false, before: [1_200] })
        await store.free(held)
        expect(await store.take([place('k', 'x', 1)])).toEqual({ passes: true, before: [0] })
      })
    })

    it('tells names apart, whatever they are', async () => {
      const names = [
        '__proto__',
        '',
        ' ',
        'a',
        'A',
        'ä',
        '\u0000',
        'a:b',
        '*',
        '{a}',
        '}',
        '{',
        'inf',
      ]
      for (const one of [...names, 'x'.repeat(1_000)]) {
        const ask = bucket(one, { perMinute: 1 })
        expect([await passes(ask), await passes(ask)]).toEqual([true, false])
      }
    })
  })
}

function bucket(
  name: string,
  options: { perMinute: number; burst?: number; cost?: number; observe?: boolean },
): BucketAsk {
  const { perMinute, burst = perMinute, cost = 1, observe = false } = options
  return { kind: 'bucket', name, cost, rate: createBucketRate(perMinute, burst), observe }
}

function place(name: string, id: string, limit: number): PlaceAsk {
  return { kind: 'place', name, id, limit, observe: false }
}
