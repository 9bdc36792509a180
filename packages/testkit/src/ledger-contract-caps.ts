import type { KeyCaps, Ledger } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { dayMs, hourMs, refusal, request, type MakeLedger } from './ledger-fixtures.js'

/** The part of the ledger's contract that is about caps. */
export function testKeyCaps(makeLedger: MakeLedger): void {
  describe('the caps of a key', () => {
    let clock: FakeClock
    let ledger: Ledger

    beforeEach(async () => {
      clock = new FakeClock(Date.UTC(2026, 0, 30, 23))
      ledger = await makeLedger(clock)
      await ledger.credit('acme', 1_000_000, 'c1')
    })

    /** Reserves and settles an amount; the condition when it is refused. */
    let spends = 0
    function spend(amount: number, caps: KeyCaps, key = 'k1'): Promise<string | undefined> {
      const id = `spend ${spends++}`
      return refusal(async () => {
        await ledger.reserve(request({ id, key, amount, caps }))
        await ledger.settle(id, amount)
      })
    }

    it('counts what was spent and what is held', async () => {
      const caps = { total: 100 }
      expect(await spend(50, caps)).toBeUndefined()
      await ledger.reserve(request({ amount: 30, caps }))
      expect(await spend(21, caps)).toBe('key_quota_exceeded')
      expect(await spend(20, caps)).toBeUndefined()
      await ledger.release('r1')
      expect(await spend(31, caps)).toBe('key_quota_exceeded')
      expect(await spend(30, caps)).toBeUndefined()
      expect(await spend(1, caps)).toBe('key_quota_exceeded')
    })

    it('counts for each key alone, whatever it is called', async () => {
      const caps = { total: 100 }
      for (const key of ['k1', 'k2', '__proto__', 'constructor']) {
        expect(await spend(100, caps, key)).toBeUndefined()
        expect(await spend(1, caps, key)).toBe('key_quota_exceeded')
      }
    })

    it('counts what was spent before the key had a cap', async () => {
      expect(await spend(80, {})).toBeUndefined()
      expect(await spend(21, { total: 100 })).toBe('key_quota_exceeded')
      expect(await spend(21, { day: 100 })).toBe('key_quota_exceeded')
      expect(await spend(21, { month: 100 })).toBe('key_quota_exceeded')
    })

    it('lets through what costs nothing under a cap of 0, and nothing else', async () => {
      expect(await spend(0, { total: 0 })).toBeUndefined()
      expect(await spend(1, { total: 0 })).toBe('key_quota_exceeded')
    })

    it('says which cap it was, and what it leaves', async () => {
      const amount = 350_000
      const tell = async (caps: KeyCaps): Promise<unknown> => {
        try {
          return await ledger.reserve(request({ amount, caps }))
        } catch (error) {
          return error instanceof Error ? error.message : error
        }
      }
      expect(await tell({ total: 120_000 })).toContain('total spending cap')
      expect(await tell({ day: 120_000 })).toContain('daily spending cap')
      expect(await tell({ month: 120_000 })).toContain('monthly spending cap')
      expect(await tell({ total: 120_000 })).toContain('(needed $0.3500, left $0.1200)')
    })

    it('looks at the balance before the caps', async () => {
      const tooMuch = request({ amount: 1_000_001, caps: { total: 1 } })
      expect(await refusal(() => ledger.reserve(tooMuch))).toBe('insufficient_quota')
    })

    it('begins a day at midnight UTC', async () => {
      const caps = { day: 100 }
      expect(await spend(100, caps)).toBeUndefined()
      clock.advance(hourMs - 1)
      expect(await spend(1, caps)).toBe('key_quota_exceeded')
      clock.advance(1)
      expect(await spend(100, caps)).toBeUndefined()
      expect(await spend(1, caps)).toBe('key_quota_exceeded')
    })

    it('begins a month with the first of it', async () => {
      const caps = { month: 100, day: 100 }
      expect(await spend(60, caps)).toBeUndefined()
      clock.advance(hourMs) // the 31st
      expect(await spend(41, caps)).toBe('key_quota_exceeded')
      expect(await spend(40, caps)).toBeUndefined()
      clock.advance(dayMs - 1)
      expect(await spend(1, caps)).toBe('key_quota_exceeded')
      clock.advance(1)
      expect(await spend(100, caps)).toBeUndefined()
    })

    it('tells a month from the same month of another year', async () => {
      const caps = { month: 100 }
      expect(await spend(100, caps)).toBeUndefined()
      clock.advance(365 * dayMs)
      expect(await spend(100, caps)).toBeUndefined()
    })

    it('counts February of a leap year to its 29th', async () => {
      const leapClock = new FakeClock(Date.UTC(2028, 1, 28, 12))
      ledger = await makeLedger(leapClock)
      await ledger.credit('acme', 1_000, 'c1')
      expect(await spend(100, { month: 100 })).toBeUndefined()
      leapClock.advance(dayMs)
      expect(await spend(1, { month: 100 })).toBe('key_quota_exceeded')
      leapClock.advance(dayMs)
      expect(await spend(100, { month: 100 })).toBeUndefined()
    })

    it('counts a charge in the day it is settled in, and a hold in every day', async () => {
      const caps = { day: 100 }
      await ledger.reserve(request({ amount: 70, caps, ttlMs: dayMs }))
      clock.advance(hourMs)
      expect(await spend(31, caps)).toBe('key_quota_exceeded')
      await ledger.settle('r1', 60)
      expect(await spend(41, caps)).toBe('key_quota_exceeded')
      expect(await spend(40, caps)).toBeUndefined()
    })

    it('counts a charge that was more than its reservation in full', async () => {
      await ledger.reserve(request({ amount: 10, caps: { total: 100 } }))
      await ledger.settle('r1', 150)
      expect(await spend(0, { total: 100 })).toBe('key_quota_exceeded')
      expect(await spend(0, { total: 150 })).toBeUndefined()
    })

    it('gives nothing twice when the wall clock is set back over midnight', async () => {
      const caps = { day: 100 }
      clock.advance(hourMs + 60_000)
      expect(await spend(100, caps)).toBeUndefined()
      clock.setWallMs(clock.wallMs() - hourMs)
      expect(await spend(0, caps)).toBeUndefined()
      clock.advance(hourMs)
      expect(await spend(1, caps)).toBe('key_quota_exceeded')
    })

    it('locks nobody out when the wall clock was a year ahead for a while', async () => {
      const caps = { day: 100, month: 1_000 }
      const ahead = 365 * dayMs
      clock.setWallMs(clock.wallMs() + ahead)
      expect(await spend(100, caps)).toBeUndefined()
      clock.setWallMs(clock.wallMs() - ahead)
      expect(await spend(0, caps)).toBeUndefined()
      clock.advance(dayMs)
      expect(await spend(100, caps)).toBeUndefined()
    })
  })
}
