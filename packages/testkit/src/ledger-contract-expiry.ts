import type { Ledger } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, dayMs, request, type MakeLedger } from './ledger-fixtures.js'

/** The part of the ledger's contract that is about reservations nobody ends. */
export function testExpiry(makeLedger: MakeLedger): void {
  describe('expiring', () => {
    let clock: FakeClock
    let ledger: Ledger

    beforeEach(async () => {
      clock = new FakeClock()
      ledger = await makeLedger(clock)
      await ledger.credit('acme', 100, 'c1')
    })

    it('holds a reservation to the last millisecond and no longer', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      clock.advance(999)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
      clock.advance(1)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
    })

    it('charges nothing when it is settled or released too late', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      clock.advance(1_000)
      const expired = { id: 'r1', ended: 'expired', amount: 0 }
      expect(await ledger.settle('r1', 10)).toEqual(expired)
      expect(await ledger.release('r1')).toEqual(expired)
      expect(await ledger.extend('r1', 1_000)).toBe(false)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
    })

    it('gives a request what another one no longer holds', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      clock.advance(1_000)
      const reservation = await ledger.reserve(request({ id: 'r2', amount: 60 }))
      expect(reservation.amount).toBe(60)
    })

    it('holds longer, or shorter, from the moment it is told to', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      clock.advance(900)
      expect(await ledger.extend('r1', 5_000)).toBe(true)
      clock.advance(4_999)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
      expect(await ledger.extend('r1', 10)).toBe(true)
      clock.advance(10)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
    })

    it('lets each of many expire at its own moment', async () => {
      for (let index = 0; index < 100; index++) {
        const ttlMs = 1 + ((index * 37) % 100)
        await ledger.reserve(request({ id: `r${index}`, amount: 1, ttlMs }))
      }
      for (let left = 99; left >= 0; left--) {
        clock.advance(1)
        expect((await ledger.balance('acme')).held).toBe(left)
      }
    })

    it('goes by time that passes, not by a wall clock somebody sets', async () => {
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      clock.setWallMs(clock.wallMs() + 2 * dayMs)
      expect((await ledger.balance('acme')).held).toBe(60)
      clock.setWallMs(clock.wallMs() - 4 * dayMs)
      clock.advance(1_000)
      expect((await ledger.balance('acme')).held).toBe(0)
    })
  })
}
