import type { Ledger } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, request, thrownBy, type MakeLedger } from './ledger-fixtures.js'
import { noTexts, untyped } from './no-texts.js'

/**
 * How a ledger refuses names and ids that are no text. It is a contract of its own, for the ledgers
 * that look at them.
 *
 * @param makeLedger makes an empty ledger that goes by the clock; called for every test
 */
export function runLedgerNamesContract(name: string, makeLedger: MakeLedger): void {
  describe(`what is no name, to ${name}`, () => {
    let ledger: Ledger

    beforeEach(async () => {
      ledger = await makeLedger(new FakeClock())
      await ledger.credit('acme', 100, 'c1')
      await ledger.reserve(request({ amount: 60 }))
    })

    it.for(noTexts)('throws a RangeError for %s everywhere, and changes nothing', async (bad) => {
      const text = untyped(bad)
      const days = { from: '2026-01-01', to: '2026-12-31', by: 'day' } as const
      const attempts: (() => unknown)[] = [
        () => ledger.reserve(request({ id: text })),
        () => ledger.reserve(request({ id: 'r2', account: text })),
        () => ledger.reserve(request({ id: 'r2', key: text })),
        () => ledger.reserve(request({ id: 'r2', model: text })),
        () => ledger.settle(text, 1),
        () => ledger.release(text),
        () => ledger.extend(text, 1_000),
        () => ledger.balance(text),
        () => ledger.credit(text, 5, 'c2'),
        () => ledger.credit('acme', 5, text),
        () => ledger.createAccount(text),
        () => ledger.accounts({ after: text, limit: 10 }),
        () => ledger.usage({ account: text, ...days }),
        () => ledger.usage({ key: text, ...days }),
        () => ledger.movements(text),
      ]
      for (const attempt of attempts) {
        expect(await thrownBy(attempt), String(attempt)).toBeInstanceOf(RangeError)
      }
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(100, 0, 60) },
      ])
    })
  })
}
