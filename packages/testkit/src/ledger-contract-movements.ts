import type { Ledger, Movement } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { dayMs, hourMs, refusal, request, type MakeLedger } from './ledger-fixtures.js'

/** The part of the ledger's contract that is about the journal of a reservation. */
export function testMovements(makeLedger: MakeLedger): void {
  describe('the movements of a reservation', () => {
    let clock: FakeClock
    let ledger: Ledger
    let beganMs: number

    beforeEach(async () => {
      clock = new FakeClock()
      beganMs = clock.wallMs()
      ledger = await makeLedger(clock)
      await ledger.credit('acme', 100, 'c1')
    })

    const named = { id: 'r1', account: 'acme', key: 'k1', model: 'gpt-5' }
    function reserved(changes: Partial<Movement> = {}): Movement {
      return { kind: 'reserve', atMs: beganMs, ...named, amount: 60, ...changes }
    }

    it('are that it was made, as long as it is open', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      clock.advance(500)
      await ledger.extend('r1', 60_000)
      expect(await ledger.movements('r1')).toEqual([reserved()])
    })

    it('end with the charge, for what it was and when', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      clock.advance(1_234)
      const tokens = { inputTokens: 7, outputTokens: 9 }
      await ledger.settle('r1', 25, tokens)
      clock.advance(5_000)
      expect(await ledger.movements('r1')).toEqual([
        reserved(),
        { kind: 'settled', atMs: beganMs + 1_234, ...named, amount: 25, tokens },
      ])
    })

    it('tell of a charge that was more than was held as it was', async () => {
      await ledger.reserve(request({ amount: 60 }))
      await ledger.settle('r1', 90)
      const amounts = (await ledger.movements('r1')).map(({ amount }) => amount)
      expect(amounts).toEqual([60, 90])
    })

    it('end with what is given back when it is released', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      clock.advance(10)
      await ledger.release('r1')
      expect(await ledger.movements('r1')).toEqual([
        reserved(),
        { kind: 'released', atMs: beganMs + 10, ...named, amount: 60 },
      ])
    })

    it('end with what is given back when its time is over', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5', ttlMs: 1_000 }))
      clock.advance(999)
      expect(await ledger.movements('r1')).toEqual([reserved()])
      clock.advance(1)
      const both = [reserved(), { kind: 'expired', atMs: beganMs + 1_000, ...named, amount: 60 }]
      expect(await ledger.movements('r1')).toEqual(both)
      clock.advance(1_000)
      await ledger.settle('r1', 25, { inputTokens: 1, outputTokens: 1 })
      expect(await ledger.movements('r1')).toEqual(both)
    })

    it('name no model and no tokens where none were told', async () => {
      await ledger.reserve(request({ amount: 60 }))
      await ledger.settle('r1', 0)
      const [made, end] = await ledger.movements('r1')
      expect(made).toEqual(reserved({ model: undefined }))
      expect(end).toMatchObject({ kind: 'settled', amount: 0 })
      expect(end?.model).toBeUndefined()
      expect(end?.tokens).toBeUndefined()
    })

    it('are not more when something is done twice', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      await ledger.reserve(request({ amount: 30, model: 'other' }))
      const tokens = { inputTokens: 7, outputTokens: 9 }
      await ledger.settle('r1', 25, tokens)
      await ledger.settle('r1', 30, { inputTokens: 1, outputTokens: 1 })
      await ledger.release('r1')
      expect(await refusal(() => ledger.reserve(request()))).toBe('quota_conflict')
      expect(await ledger.movements('r1')).toEqual([
        reserved(),
        { kind: 'settled', atMs: beganMs, ...named, amount: 25, tokens },
      ])
    })

    it('are none of what was refused, and of ids nobody reserved', async () => {
      expect(await refusal(() => ledger.reserve(request({ amount: 101 })))).toBe(
        'insufficient_quota',
      )
      for (const id of ['r1', 'unknown', '', '__proto__', 'c1']) {
        expect(await ledger.movements(id)).toEqual([])
      }
    })

    it('are apart from those of others, and from credits that have their ids', async () => {
      await ledger.credit('acme', 5, 'r1')
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      await ledger.credit('other', 5, 'r1')
      await ledger.reserve(request({ id: 'r1 ', amount: 1 }))
      await ledger.reserve(request({ id: 'R1', amount: 1 }))
      expect(await ledger.movements('r1')).toEqual([reserved()])
    })

    it('tell the time of the wall clock, somebody sets it or not', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5', ttlMs: dayMs }))
      const laterMs = beganMs + 5 * hourMs
      clock.setWallMs(laterMs)
      await ledger.settle('r1', 1)
      expect((await ledger.movements('r1')).map(({ atMs }) => atMs)).toEqual([beganMs, laterMs])
    })

    it('are known ten minutes after the end', async () => {
      await ledger.reserve(request({ amount: 60, model: 'gpt-5' }))
      await ledger.settle('r1', 1)
      clock.advance(10 * 60_000)
      expect(await ledger.movements('r1')).toHaveLength(2)
    })
  })
}
