import type { ChargedTokens, Ledger, ReserveRequest, UsageQuery, UsageSum } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, dayMs, hourMs, request, thrownBy, type MakeLedger } from './ledger-fixtures.js'

const january = { from: '2026-01-01', to: '2026-01-31' }

/** The part of the ledger's contract that is about what was spent. */
export function testUsage(makeLedger: MakeLedger): void {
  describe('what was spent', () => {
    let clock: FakeClock
    let ledger: Ledger

    beforeEach(async () => {
      clock = new FakeClock(Date.UTC(2026, 0, 30, 23))
      ledger = await makeLedger(clock)
      for (const account of ['acme', 'other']) await ledger.credit(account, 1_000_000, 'c1')
    })

    /** What was charged to an account, day by day. */
    async function between(from: string, to: string): Promise<number[]> {
      const days = await ledger.usage({ account: 'acme', from, to, by: 'day' })
      return days.map(({ amount }) => amount)
    }

    let charges = 0
    async function charge(
      amount: number,
      changes: Partial<ReserveRequest> = {},
      tokens?: ChargedTokens,
    ): Promise<void> {
      const id = `charge ${charges++}`
      await ledger.reserve(request({ id, amount, ...changes }))
      await ledger.settle(id, amount, tokens)
    }

    it('is added up by day, for an account or a key', async () => {
      await charge(10, {}, { inputTokens: 3, outputTokens: 4 })
      await charge(20, { key: 'k2' }, { inputTokens: 5, outputTokens: 0 })
      clock.advance(hourMs)
      await charge(7)
      await charge(1_000, { account: 'other', key: 'k3' }, { inputTokens: 1, outputTokens: 1 })
      expect(await ledger.usage({ account: 'acme', ...january, by: 'day' })).toEqual([
        sum('2026-01-30', 2, 30, 8, 4),
        sum('2026-01-31', 1, 7),
      ])
      expect(await ledger.usage({ key: 'k1', ...january, by: 'day' })).toEqual([
        sum('2026-01-30', 1, 10, 3, 4),
        sum('2026-01-31', 1, 7),
      ])
    })

    it('is added up by model, with no name for charges of none', async () => {
      await charge(1, { model: 'gpt-5' }, { inputTokens: 1, outputTokens: 2 })
      await charge(2)
      await charge(4, { model: 'claude', key: 'k2' })
      clock.advance(hourMs)
      await charge(8, { model: 'gpt-5' }, { inputTokens: 10, outputTokens: 20 })
      expect(await ledger.usage({ account: 'acme', ...january, by: 'model' })).toEqual([
        sum('', 1, 2),
        sum('claude', 1, 4),
        sum('gpt-5', 2, 9, 11, 22),
      ])
      expect(await ledger.usage({ key: 'k1', ...january, by: 'model' })).toEqual([
        sum('', 1, 2),
        sum('gpt-5', 2, 9, 11, 22),
      ])
    })

    it('is added up by key', async () => {
      await charge(1, { model: 'gpt-5' })
      await charge(2, { model: 'claude' })
      await charge(4, { key: 'k2' })
      await charge(8, { account: 'other', key: 'k3' })
      expect(await ledger.usage({ account: 'acme', ...january, by: 'key' })).toEqual([
        sum('k1', 2, 3),
        sum('k2', 1, 4),
      ])
      expect(await ledger.usage({ key: 'k2', ...january, by: 'key' })).toEqual([sum('k2', 1, 4)])
    })

    it('is told to each account that paid for a key, and to the key in whole', async () => {
      await charge(1)
      await charge(2, { account: 'other' })
      await charge(4)
      const key: UsageQuery = { key: 'k1', ...january, by: 'day' }
      const acme: UsageQuery = { account: 'acme', ...january, by: 'key' }
      expect(await ledger.usage(key)).toEqual([sum('2026-01-30', 3, 7)])
      expect(await ledger.usage(acme)).toEqual([sum('k1', 2, 5)])
      expect(await ledger.usage({ ...acme, account: 'other' })).toEqual([sum('k1', 1, 2)])
    })

    it('counts on the day it is settled, which begins at midnight UTC', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: dayMs }))
      clock.advance(hourMs - 1)
      await charge(1)
      clock.advance(1)
      await charge(2)
      await ledger.settle('r1', 50)
      clock.advance(dayMs)
      await charge(4)
      const query: UsageQuery = { account: 'acme', from: '2026-01-01', to: '2026-12-31', by: 'day' }
      expect(await ledger.usage(query)).toEqual([
        sum('2026-01-30', 1, 1),
        sum('2026-01-31', 2, 52),
        sum('2026-02-01', 1, 4),
      ])
    })

    it('includes the first and the last day asked for, and no other', async () => {
      for (const amount of [1, 2, 4, 8]) {
        await charge(amount)
        clock.advance(dayMs)
      }
      expect(await between('2026-01-31', '2026-02-01')).toEqual([2, 4])
      expect(await between('2026-01-31', '2026-01-31')).toEqual([2])
      expect(await between('2026-02-02', '9999-12-31')).toEqual([8])
      expect(await between('0000-01-01', '2026-01-30')).toEqual([1])
    })

    it('has in it what was charged above a reservation, and charges of nothing', async () => {
      await ledger.reserve(request({ amount: 10 }))
      await ledger.settle('r1', 150)
      await charge(0, {}, { inputTokens: 5, outputTokens: 6 })
      expect(await ledger.usage({ account: 'acme', ...january, by: 'day' })).toEqual([
        sum('2026-01-30', 2, 150, 5, 6),
      ])
    })

    it('has nothing in it of what is held, released or expired, nor any charge twice', async () => {
      await ledger.reserve(request({ amount: 10 }))
      await ledger.reserve(request({ id: 'r2', amount: 20 }))
      await ledger.release('r2')
      await ledger.reserve(request({ id: 'r3', amount: 20, ttlMs: 1_000 }))
      clock.advance(1_000)
      await ledger.settle('r3', 20, { inputTokens: 1, outputTokens: 1 })
      const query: UsageQuery = { account: 'acme', ...january, by: 'day' }
      expect(await ledger.usage(query)).toEqual([])
      await ledger.settle('r1', 5, { inputTokens: 2, outputTokens: 3 })
      await ledger.settle('r1', 5, { inputTokens: 2, outputTokens: 3 })
      expect(await ledger.usage(query)).toEqual([sum('2026-01-30', 1, 5, 2, 3)])
    })

    it('is nothing for whom nothing was charged', async () => {
      await charge(1)
      for (const nobody of ['nobody', '', '__proto__', 'k1', 'ACME', 'acm_', '%']) {
        expect(await ledger.usage({ account: nobody, ...january, by: 'model' })).toEqual([])
      }
      for (const nobody of ['nobody', '', '__proto__', 'acme', 'K1', 'k_', '%']) {
        expect(await ledger.usage({ key: nobody, ...january, by: 'model' })).toEqual([])
      }
    })

    it('comes in the order of the bytes of the names, whatever they are', async () => {
      const names = ['B', '__proto__', 'a', 'a\u0000b', 'ab', 'constructor', 'é', 'ａ', '😀']
      for (const name of names.toReversed()) {
        await charge(1, { key: name, model: name })
        await charge(2, { key: name, model: name })
      }
      const sums = names.map((name) => sum(name, 2, 3))
      expect(await ledger.usage({ account: 'acme', ...january, by: 'model' })).toEqual(sums)
      expect(await ledger.usage({ account: 'acme', ...january, by: 'key' })).toEqual(sums)
    })

    it('goes by the wall clock, also when somebody sets it back', async () => {
      await charge(1)
      clock.setWallMs(clock.wallMs() - dayMs)
      await charge(2)
      clock.setWallMs(clock.wallMs() + dayMs)
      await charge(4)
      expect(await ledger.usage({ account: 'acme', ...january, by: 'day' })).toEqual([
        sum('2026-01-29', 1, 2),
        sum('2026-01-30', 2, 5),
      ])
    })

    it('is remembered for 92 days', async () => {
      for (let day = 0; day <= 92; day++) {
        await charge(1)
        clock.advance(dayMs)
      }
      const query: UsageQuery = { account: 'acme', from: '2026-01-30', to: '2026-05-02', by: 'day' }
      expect(await ledger.usage(query)).toHaveLength(93)
      expect(await ledger.usage({ ...query, by: 'key' })).toEqual([sum('k1', 93, 93)])
    })

    it('throws a RangeError that names what is wrong with a question', async () => {
      const query: UsageQuery = { account: 'acme', ...january, by: 'day' }
      const noDates = ['', '2026-1-1', '2026-02-30', '2025-02-29', '2026-13-01', '2026-01-00']
      noDates.push(' 2026-01-01', '2026-01-01\n', '2026-01-01T00:00:00Z', '+002026-01-01')
      const bads: [string, UsageQuery][] = [
        ...noDates.map((from): [string, UsageQuery] => ['from', { ...query, from }]),
        ...noDates.map((to): [string, UsageQuery] => ['to', { ...query, to }]),
        ['to', { ...query, from: '2026-01-02', to: '2026-01-01' }],
        ['by', { ...query, ...Object.assign({ by: query.by }, { by: 'constructor' }) }],
        ['account', { ...query, key: 'k1' }],
      ]
      for (const [named, bad] of bads) {
        const error = await thrownBy(() => ledger.usage(bad))
        expect(error).toBeInstanceOf(RangeError)
        expect(String(error)).toMatch(new RegExp(`RangeError: ${named}\\b`))
      }
    })

    it('throws a RangeError for tokens that are none, and changes nothing', async () => {
      await ledger.reserve(request({ amount: 60 }))
      for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        const bads: [string, ChargedTokens][] = [
          ['inputTokens', { inputTokens: bad, outputTokens: 1 }],
          ['outputTokens', { inputTokens: 1, outputTokens: bad }],
        ]
        for (const [named, tokens] of bads) {
          const error = await thrownBy(() => ledger.settle('r1', 1, tokens))
          expect(error).toBeInstanceOf(RangeError)
          expect(String(error)).toContain(named)
        }
      }
      expect(await ledger.balance('acme')).toEqual(balance(1_000_000, 0, 60))
      expect(await ledger.movements('r1')).toHaveLength(1)
      expect(await ledger.usage({ account: 'acme', ...january, by: 'day' })).toEqual([])
    })
  })
}

function sum(
  name: string,
  requests: number,
  amount: number,
  inputTokens = 0,
  outputTokens = 0,
): UsageSum {
  return { name, requests, amount, inputTokens, outputTokens }
}
