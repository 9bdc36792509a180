import type { Ledger } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, request, thrownBy, type MakeLedger } from './ledger-fixtures.js'

const noNumbers = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]

/** The part of the ledger's contract that is about amounts that are none. */
export function testAmounts(makeLedger: MakeLedger): void {
  describe('what is no amount', () => {
    let ledger: Ledger

    beforeEach(async () => {
      ledger = await makeLedger(new FakeClock())
      await ledger.credit('acme', 100, 'c1')
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
    })

    it.for(noNumbers)('throws a RangeError for %s everywhere, and changes nothing', async (bad) => {
      const bads: [string, () => unknown][] = [
        ['amount', () => ledger.reserve(request({ id: 'r2', amount: bad }))],
        ['caps.total', () => ledger.reserve(request({ id: 'r2', caps: { total: bad } }))],
        ['caps.day', () => ledger.reserve(request({ id: 'r2', caps: { day: bad } }))],
        ['caps.month', () => ledger.reserve(request({ id: 'r2', caps: { month: bad } }))],
        ['ttlMs', () => ledger.reserve(request({ id: 'r2', ttlMs: bad }))],
        ['ttlMs', () => ledger.extend('r1', bad)],
        ['amount', () => ledger.settle('r1', bad)],
        ['amount', () => ledger.credit('acme', bad, 'c2')],
      ]
      for (const [named, action] of bads) {
        const error = await thrownBy(action)
        expect(error).toBeInstanceOf(RangeError)
        expect(String(error)).toContain(named)
      }
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
      expect(await ledger.settle('r2', 1)).toBeUndefined()
      expect(await ledger.credit('acme', 5, 'c2')).toEqual(balance(105, 0, 60))
    })

    it('throws a RangeError for a hold of no time', async () => {
      expect(await thrownBy(() => ledger.reserve(request({ id: 'r2', ttlMs: 0 })))).toBeInstanceOf(
        RangeError,
      )
      expect(await thrownBy(() => ledger.extend('r1', 0))).toBeInstanceOf(RangeError)
    })

    it('throws a RangeError rather than count inexactly', async () => {
      const most = Number.MAX_SAFE_INTEGER
      expect(await thrownBy(() => ledger.credit('acme', most, 'c2'))).toBeInstanceOf(RangeError)
      expect(await ledger.credit('acme', most - 100, 'c3')).toEqual(balance(most, 0, 60))
      await ledger.reserve(request({ id: 'r2', key: 'k2', amount: 1 }))
      await ledger.settle('r2', most)
      expect(await thrownBy(() => ledger.settle('r1', 1))).toBeInstanceOf(RangeError)
      expect(await ledger.balance('acme')).toEqual(balance(most, most, 60))
      expect(await ledger.release('r1')).toEqual({ id: 'r1', ended: 'released', amount: 0 })

      await ledger.credit('other', 10, 'c1')
      await ledger.reserve(request({ id: 'r3', account: 'other', key: 'k2' }))
      expect(await thrownBy(() => ledger.settle('r3', 1))).toBeInstanceOf(RangeError)
      expect(await ledger.balance('other')).toEqual(balance(10, 0, 1))
    })
  })
}
