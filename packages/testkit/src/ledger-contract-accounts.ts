import type { AccountBalance, Ledger } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'
import { balance, refusal, request, thrownBy, type MakeLedger } from './ledger-fixtures.js'

/** In the order of their UTF-8 bytes. That of UTF-16 has the last two the other way round. */
const names = [
  '',
  'B',
  '__proto__',
  'a',
  'a\u0000',
  'a\u0000b',
  'a b',
  'ab',
  'é',
  '日本',
  'ａ',
  '😀',
]

/** The part of the ledger's contract that is about the accounts there are. */
export function testAccounts(makeLedger: MakeLedger): void {
  describe('the accounts', () => {
    let clock: FakeClock
    let ledger: Ledger

    beforeEach(async () => {
      clock = new FakeClock()
      ledger = await makeLedger(clock)
    })

    it('are none at first, whatever is asked about them', async () => {
      await ledger.balance('acme')
      await refusal(() => ledger.reserve(request()))
      expect(await ledger.accounts({ limit: 10 })).toEqual([])
    })

    it.for([0, -1, 1.5, Number.NaN])('are not told in a page of %s', async (limit) => {
      await ledger.createAccount('acme')
      expect(await thrownBy(() => ledger.accounts({ limit }))).toBeInstanceOf(RangeError)
    })

    it('can be made, which gives them nothing', async () => {
      expect(await ledger.createAccount('acme')).toBe(true)
      expect(await ledger.balance('acme')).toEqual(balance(0, 0, 0))
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(0, 0, 0) },
      ])
      expect(await refusal(() => ledger.reserve(request()))).toBe('insufficient_quota')
    })

    it('are made once, and keep what they have when somebody makes them again', async () => {
      expect(await ledger.createAccount('acme')).toBe(true)
      expect(await ledger.createAccount('acme')).toBe(false)
      await ledger.credit('acme', 100, 'c1')
      await ledger.credit('other', 100, 'c1')
      expect(await ledger.createAccount('acme')).toBe(false)
      expect(await ledger.createAccount('other')).toBe(false)
      expect(await ledger.balance('acme')).toEqual(balance(100, 0, 0))
      expect(await ledger.balance('other')).toEqual(balance(100, 0, 0))
    })

    it('is new to one of many who make it at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => ledger.createAccount('acme')),
      )
      expect(answers.filter((isNew) => isNew)).toHaveLength(1)
    })

    it('are told with what they have now', async () => {
      await ledger.credit('acme', 100, 'c1')
      await ledger.credit('other', 50, 'c1')
      await ledger.reserve(request({ amount: 60, ttlMs: 1_000 }))
      await ledger.reserve(request({ id: 'r2', account: 'other', amount: 20 }))
      await ledger.settle('r2', 30)
      const other = { account: 'other', ...balance(50, 30, 0) }
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(100, 0, 60) },
        other,
      ])
      clock.advance(1_000)
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(100, 0, 0) },
        other,
      ])
    })

    it('have one among them that owes without ever having been credited', async () => {
      await ledger.reserve(request({ amount: 0 }))
      await ledger.settle('r1', 5)
      expect(await ledger.accounts({ limit: 10 })).toEqual([
        { account: 'acme', ...balance(0, 5, 0) },
      ])
      expect(await ledger.createAccount('acme')).toBe(false)
    })

    it('come in the order of their bytes, whatever they are called', async () => {
      const shuffled = names.map((_, index) => names[(index * 5 + 3) % names.length] ?? '')
      for (const [index, name] of shuffled.entries()) {
        if (index % 2 === 0) await ledger.createAccount(name)
        else await ledger.credit(name, 1, 'c1')
      }
      expect(await namesOf(ledger.accounts({ limit: 100 }))).toEqual(names)
    })

    it('come page by page, each once', async () => {
      for (const name of names) await ledger.createAccount(name)
      const found: string[] = []
      let page = await namesOf(ledger.accounts({ limit: 5 }))
      while (page.length === 5) {
        found.push(...page)
        page = await namesOf(ledger.accounts({ limit: 5, after: page.at(-1) }))
      }
      expect([...found, ...page]).toEqual(names)
      expect(await ledger.accounts({ limit: 5, after: names.at(-1) })).toEqual([])
    })

    it('come behind a name nobody has, and new ones at their places', async () => {
      for (const name of ['a', 'c', 'e']) await ledger.createAccount(name)
      expect(await namesOf(ledger.accounts({ limit: 1, after: 'b' }))).toEqual(['c'])
      await ledger.createAccount('bb')
      expect(await namesOf(ledger.accounts({ limit: 2, after: 'b' }))).toEqual(['bb', 'c'])
      expect(await namesOf(ledger.accounts({ limit: 2, after: 'f' }))).toEqual([])
    })
  })
}

async function namesOf(
  page: readonly AccountBalance[] | Promise<readonly AccountBalance[]>,
): Promise<string[]> {
  return (await page).map(({ account }) => account)
}
