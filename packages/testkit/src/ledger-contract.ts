import type { Ledger } from '@lazu/core'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { fund, ledgerCommands } from './ledger-commands.js'
import { testAccounts } from './ledger-contract-accounts.js'
import { testAmounts } from './ledger-contract-amounts.js'
import { testKeyCaps } from './ledger-contract-caps.js'
import { testCrashes } from './ledger-contract-crashes.js'
import { testExpiry } from './ledger-contract-expiry.js'
import { testMovements } from './ledger-contract-movements.js'
import { testUsage } from './ledger-contract-usage.js'
import {
  balance,
  dayMs,
  refusal,
  request,
  type MakeLedger,
  type ReopenLedger,
} from './ledger-fixtures.js'
import { expectUsage } from './ledger-invariants.js'
import { LedgerModel } from './ledger-model.js'

/** What of the contract is only for some ledgers. */
export interface LedgerContractOptions {
  /**
   * For a ledger that outlives its process: abandons the given one without closing it, and opens
   * what is kept of it. The tests end the process at any place between two steps.
   */
  readonly reopen?: ReopenLedger | undefined
  /** How many stories are told to the ledger and to a model of it; 100 unless given. */
  readonly stories?: number | undefined
}

/**
 * What every ledger does, in memory or in a store, synchronously or not.
 *
 * @param name what the ledger is called in the report
 * @param makeLedger makes an empty ledger that goes by the clock; called for every test, and a
 *   hundred times for one of them
 */
export function runLedgerContract(
  name: string,
  makeLedger: MakeLedger,
  { reopen, stories = 100 }: LedgerContractOptions = {},
): void {
  describe(`${name} as a ledger`, () => {
    let clock: FakeClock
    let ledger: Ledger

    beforeEach(async () => {
      clock = new FakeClock()
      ledger = await makeLedger(clock)
    })

    describe('holding and charging', () => {
      it('has zeros for an account nobody credited', async () => {
        expect(await ledger.balance('nobody')).toEqual(balance(0, 0, 0))
      })

      it('holds what is reserved and charges what is settled', async () => {
        await ledger.credit('acme', 100, 'c1')
        const reservation = await ledger.reserve(request({ amount: 60 }))
        expect(reservation).toEqual({ id: 'r1', account: 'acme', key: 'k1', amount: 60 })
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
        expect(await ledger.settle('r1', 25)).toEqual({ id: 'r1', ended: 'settled', amount: 25 })
        expect(await ledger.balance('acme')).toEqual(balance(100, 25, 0))
      })

      it('gives back what is released', async () => {
        await ledger.credit('acme', 100, 'c1')
        await ledger.reserve(request({ amount: 60 }))
        expect(await ledger.release('r1')).toEqual({ id: 'r1', ended: 'released', amount: 0 })
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
      })

      it('covers nothing but what is free for an account nobody credited', async () => {
        const free = request({ id: 'free', amount: 0 })
        expect(await refusal(() => ledger.reserve(request()))).toBe('insufficient_quota')
        expect(await ledger.reserve(free)).toMatchObject({ id: 'free', amount: 0 })
        expect(await ledger.balance('acme')).toEqual(balance(0, 0, 0))
      })

      it('reserves all of a balance and not one more', async () => {
        await ledger.credit('acme', 100, 'c1')
        expect(await refusal(() => ledger.reserve(request({ amount: 101 })))).toBe(
          'insufficient_quota',
        )
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
        await ledger.reserve(request({ amount: 100 }))
        expect(await refusal(() => ledger.reserve(request({ id: 'r2', amount: 1 })))).toBe(
          'insufficient_quota',
        )
      })

      it('says what was needed and what there is', async () => {
        await ledger.credit('acme', 120_000, 'c1')
        await expect(async () => ledger.reserve(request({ amount: 350_000 }))).rejects.toThrow(
          'The balance does not cover the estimated cost of this request ' +
            '(needed $0.3500, available $0.1200).',
        )
      })

      it('admits one of 50 parallel requests that each cost 60 % of the balance', async () => {
        await ledger.credit('acme', 100, 'c1')
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            refusal(() => ledger.reserve(request({ id: `r${index}`, amount: 60 }))),
          ),
        )
        expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(1)
        expect(outcomes.filter((outcome) => outcome === 'insufficient_quota')).toHaveLength(49)
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
      })

      it('charges more than was held when it must, and then owes', async () => {
        await ledger.credit('acme', 100, 'c1')
        await ledger.reserve(request({ amount: 90 }))
        expect(await ledger.settle('r1', 130)).toEqual({ id: 'r1', ended: 'settled', amount: 130 })
        expect(await ledger.balance('acme')).toEqual(balance(100, 130, 0))
        expect(await refusal(() => ledger.reserve(request({ id: 'r2', amount: 1 })))).toBe(
          'insufficient_quota',
        )
        expect(await ledger.credit('acme', 31, 'c2')).toEqual(balance(131, 130, 0))
        await ledger.reserve(request({ id: 'r3', amount: 1 }))
      })

      it('keeps accounts apart, whatever they are called', async () => {
        const names = ['__proto__', 'constructor', 'toString', '', ' ', 'a:b', 'a\u0000b', "'; --"]
        for (const [index, account] of names.entries()) {
          await ledger.credit(account, index + 1, '__proto__')
          await ledger.reserve(request({ id: `hasOwnProperty ${account}`, account, key: account }))
        }
        for (const [index, account] of names.entries()) {
          expect(await ledger.balance(account)).toEqual(balance(index + 1, 0, 1))
        }
        expect(await ledger.release('__proto__')).toBeUndefined()
        expect(await ledger.balance('valueOf')).toEqual(balance(0, 0, 0))
      })
    })

    describe('doing things twice', () => {
      beforeEach(async () => {
        await ledger.credit('acme', 100, 'c1')
      })

      it('gives the same reservation for the same id, unchanged', async () => {
        const first = await ledger.reserve(request({ amount: 60 }))
        const again = await Promise.all(
          Array.from({ length: 20 }, async () => ledger.reserve(request({ amount: 30 }))),
        )
        expect(again).toEqual(Array.from({ length: 20 }, () => first))
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 60))
      })

      it('gives nobody the reservation of another account or key', async () => {
        await ledger.credit('other', 100, 'c1')
        await ledger.reserve(request({ amount: 10 }))
        expect(await refusal(() => ledger.reserve(request({ account: 'other' })))).toBe(
          'quota_conflict',
        )
        expect(await refusal(() => ledger.reserve(request({ key: 'k2' })))).toBe('quota_conflict')
        expect(await ledger.balance('other')).toEqual(balance(100, 0, 0))
      })

      it('does not open a reservation again that has ended', async () => {
        await ledger.reserve(request())
        await ledger.settle('r1', 1)
        await ledger.reserve(request({ id: 'r2' }))
        await ledger.release('r2')
        await ledger.reserve(request({ id: 'r3', ttlMs: 10 }))
        clock.advance(10)
        for (const id of ['r1', 'r2', 'r3']) {
          expect(await refusal(() => ledger.reserve(request({ id })))).toBe('quota_conflict')
        }
        expect(await ledger.balance('acme')).toEqual(balance(100, 1, 0))
      })

      it('charges once, however many settle and release at once', async () => {
        await ledger.reserve(request({ amount: 50 }))
        const answers = await Promise.all([
          ...Array.from({ length: 10 }, async (_, index) => ledger.settle('r1', 20 + index)),
          ...Array.from({ length: 10 }, async () => ledger.release('r1')),
        ])
        const first = answers[0]
        expect(answers).toEqual(Array.from({ length: 20 }, () => first))
        const charged = first?.amount ?? -1
        expect(await ledger.balance('acme')).toEqual(balance(100, charged, 0))
      })

      it('still knows ten minutes later how a reservation ended', async () => {
        await ledger.reserve(request())
        await ledger.settle('r1', 1)
        clock.advance(10 * 60_000)
        expect(await ledger.settle('r1', 2)).toEqual({ id: 'r1', ended: 'settled', amount: 1 })
        expect(await ledger.release('r1')).toEqual({ id: 'r1', ended: 'settled', amount: 1 })
        expect(await refusal(() => ledger.reserve(request()))).toBe('quota_conflict')
      })

      it('credits a reference once for each account, a year later too', async () => {
        await Promise.all(Array.from({ length: 20 }, async () => ledger.credit('acme', 50, 'c2')))
        expect(await ledger.balance('acme')).toEqual(balance(150, 0, 0))
        clock.advance(365 * dayMs)
        expect(await ledger.credit('acme', 70, 'c2')).toEqual(balance(150, 0, 0))
        expect(await ledger.credit('other', 50, 'c2')).toEqual(balance(50, 0, 0))
      })

      it('knows nothing of ids it never reserved', async () => {
        for (const id of ['unknown', '__proto__', '']) {
          expect(await ledger.settle(id, 5)).toBeUndefined()
          expect(await ledger.release(id)).toBeUndefined()
          expect(await ledger.extend(id, 1_000)).toBe(false)
        }
        expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
      })
    })

    describe('as a whole', () => {
      it(
        'agrees with a model of it, step by step, whatever is done',
        { timeout: 120_000 },
        async () => {
          await fc.assert(
            fc.asyncProperty(ledgerCommands(reopen), async (commands) => {
              const modelClock = new FakeClock(Date.UTC(2026, 0, 31, 22))
              const real = { ledger: await makeLedger(modelClock), clock: modelClock }
              const model = new LedgerModel(modelClock)
              await fund(model, real.ledger)
              await fc.asyncModelRun(() => ({ model, real }), commands)
              await expectUsage(model, real.ledger)
            }),
            { numRuns: stories },
          )
        },
      )
    })

    testExpiry(makeLedger)
    testKeyCaps(makeLedger)
    testAmounts(makeLedger)
    testAccounts(makeLedger)
    testMovements(makeLedger)
    testUsage(makeLedger)
    if (reopen !== undefined) testCrashes(makeLedger, reopen)
  })
}
