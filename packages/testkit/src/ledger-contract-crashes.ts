import type { UsageQuery } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, refusal, request, type MakeLedger, type ReopenLedger } from './ledger-fixtures.js'

/** The part of the ledger's contract that is for those that outlive their process. */
export function testCrashes(makeLedger: MakeLedger, reopen: ReopenLedger): void {
  describe('after the end of its process', () => {
    it('has everything that was done before, and holds what was held, until its time', async () => {
      const clock = new FakeClock()
      const first = await makeLedger(clock)
      await first.credit('acme', 100, 'c1')
      await first.createAccount('empty')
      const caps = { total: 90 }
      const tokens = { inputTokens: 7, outputTokens: 9 }
      await first.reserve(request({ id: 'paid', amount: 30, model: 'gpt-5', caps }))
      await first.settle('paid', 25, tokens)
      await first.reserve(request({ id: 'released', amount: 10 }))
      await first.release('released')
      await first.reserve(request({ id: 'open', amount: 60, ttlMs: 5_000, caps }))
      clock.advance(1_000)
      await first.extend('open', 5_000)
      const usage: UsageQuery = {
        account: 'acme',
        from: '2026-01-01',
        to: '2026-12-31',
        by: 'model',
      }
      const movements = await first.movements('paid')

      const ledger = await reopen(first, clock)
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(100, 25, 60) },
        { account: 'empty', ...balance(0, 0, 0) },
      ])
      expect(await ledger.credit('acme', 100, 'c1')).toEqual(balance(100, 25, 60))
      expect(await ledger.createAccount('empty')).toBe(false)
      expect(await ledger.settle('paid', 1)).toEqual({ id: 'paid', ended: 'settled', amount: 25 })
      expect(await ledger.settle('released', 1)).toMatchObject({ ended: 'released' })
      expect(await refusal(() => ledger.reserve(request({ id: 'paid' })))).toBe('quota_conflict')
      expect(await ledger.usage(usage)).toEqual([
        { name: 'gpt-5', requests: 1, amount: 25, ...tokens },
      ])
      expect(movements).toHaveLength(2)
      expect(await ledger.movements('paid')).toEqual(movements)
      const overCap = request({ id: 'over', amount: 6, caps })
      expect(await refusal(() => ledger.reserve(overCap))).toBe('key_quota_exceeded')

      expect(await ledger.reserve(request({ id: 'open' }))).toMatchObject({ amount: 60 })
      clock.advance(4_999)
      expect((await ledger.balance('acme')).held).toBe(60)
      clock.advance(1)
      expect(await ledger.balance('acme')).toEqual(balance(100, 25, 0))
      expect(await ledger.settle('open', 1)).toEqual({ id: 'open', ended: 'expired', amount: 0 })
      await ledger.reserve(overCap)
    })

    it('ends what was over meanwhile, and what is begun after it', async () => {
      const clock = new FakeClock()
      const first = await makeLedger(clock)
      await first.credit('acme', 100, 'c1')
      await first.reserve(request({ id: 'open', amount: 60, ttlMs: 5_000 }))
      clock.advance(60_000)

      const second = await reopen(first, clock)
      expect(await second.balance('acme')).toEqual(balance(100, 0, 0))
      await second.reserve(request({ amount: 60 }))

      const third = await reopen(second, clock)
      expect(await third.settle('r1', 50)).toEqual({ id: 'r1', ended: 'settled', amount: 50 })
      expect(await third.balance('acme')).toEqual(balance(100, 50, 0))
    })
  })
}
