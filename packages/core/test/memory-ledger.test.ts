import { MemoryLedger, systemClock } from '@lazu/core'
import { FakeClock, runLedgerContract } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

runLedgerContract('MemoryLedger', (clock) => new MemoryLedger({ clock }))

function ledgerOf(amount: number, clock = new FakeClock()): MemoryLedger {
  const ledger = new MemoryLedger({ clock })
  ledger.credit('acme', amount, 'c1')
  return ledger
}

describe('MemoryLedger', () => {
  it('answers at once, without a promise', () => {
    const ledger = ledgerOf(100)
    expect(ledger.reserve({ ...reservation, amount: 60 }).amount).toBe(60)
    expect(ledger.extend('r1', 1_000)).toBe(true)
    expect(ledger.settle('r1', 5)?.ended).toBe('settled')
    expect(ledger.balance('acme').available).toBe(95)
  })

  it("goes by the machine's clock unless told otherwise", () => {
    const ledger = new MemoryLedger()
    ledger.credit('acme', 1, 'c1')
    ledger.reserve({ ...reservation, caps: { day: 1 } })
    expect(ledger.balance('acme').held).toBe(1)
    expect(systemClock.monotonicMs()).toBeGreaterThan(0)
  })

  it('needs no timers', () => {
    const clock = new FakeClock()
    const ledger = ledgerOf(100, clock)
    ledger.reserve({ ...reservation, amount: 60 })
    ledger.extend('r1', 5_000)
    expect(clock.waiting).toBe(0)
  })

  it('hands out copies: whoever changes one changes nothing else', () => {
    const ledger = ledgerOf(100)
    Object.assign(ledger.reserve({ ...reservation, amount: 60 }), { amount: 1, account: 'other' })
    expect(ledger.reserve({ ...reservation, amount: 60 }).amount).toBe(60)
    Object.assign(ledger.balance('acme'), { available: 1_000_000 })
    expect(ledger.balance('acme').available).toBe(40)
    Object.assign(ledger.settle('r1', 5) ?? {}, { amount: 1 })
    expect(ledger.settle('r1', 7)).toEqual({ id: 'r1', ended: 'settled', amount: 5 })
  })

  it('copies what it is handed, and hands out copies of movements', () => {
    const ledger = ledgerOf(100)
    const tokens = { inputTokens: 3, outputTokens: 4 }
    ledger.reserve(reservation)
    ledger.settle('r1', 1, tokens)
    Object.assign(tokens, { inputTokens: 9 })
    const end = ledger.movements('r1')[1]
    expect(end?.tokens).toEqual({ inputTokens: 3, outputTokens: 4 })
    Object.assign(end ?? {}, { amount: 9 })
    Object.assign(end?.tokens ?? {}, { outputTokens: 9 })
    expect(ledger.movements('r1')[1]).toMatchObject({
      amount: 1,
      tokens: { inputTokens: 3, outputTokens: 4 },
    })
  })

  it('lets go of what was spent more than 92 days ago', () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1))
    const ledger = ledgerOf(100, clock)
    const daysOf = (): string[] =>
      ledger
        .usage({ account: 'acme', from: '2026-01-01', to: '2026-12-31', by: 'day' })
        .map(({ name }) => name)
    const spend = (id: string): void => {
      ledger.reserve({ ...reservation, id })
      ledger.settle(id, 1)
    }
    spend('r1')
    clock.advance(dayMs)
    spend('r2')
    clock.advance(91 * dayMs)
    spend('r3')
    expect(daysOf()).toEqual(['2026-01-01', '2026-01-02', '2026-04-03'])
    clock.advance(dayMs)
    spend('r4')
    expect(daysOf()).toEqual(['2026-01-02', '2026-04-03', '2026-04-04'])
    expect(ledger.balance('acme').settled).toBe(4)
  })

  it('tells an expiry with the time it was due, however late somebody looks', () => {
    const clock = new FakeClock()
    const ledger = ledgerOf(100, clock)
    const dueMs = clock.wallMs() + 1_000
    ledger.reserve({ ...reservation, ttlMs: 1_000 })
    clock.advance(60_000)
    expect(ledger.movements('r1')[1]).toMatchObject({ kind: 'expired', atMs: dueMs })
  })

  it('remembers for ten minutes how a reservation ended, and forgets it some time later', () => {
    const clock = new FakeClock()
    const ledger = ledgerOf(100, clock)
    ledger.reserve(reservation)
    ledger.settle('r1', 1)
    clock.advance(10 * 60_000)
    expect(ledger.settle('r1', 1)).toEqual({ id: 'r1', ended: 'settled', amount: 1 })
    clock.advance(20 * 60_000 + 1)
    expect(ledger.settle('r1', 1)).toBeUndefined()
    expect(ledger.balance('acme').settled).toBe(1)
    expect(ledger.reserve(reservation).id).toBe('r1')
  })

  it('remembers the newest 50,000 ends, and not 100,000', () => {
    const ledger = ledgerOf(100)
    const end = (index: number): void => {
      ledger.reserve({ ...reservation, id: `r${index}` })
      ledger.release(`r${index}`)
    }
    for (let index = 0; index < 100_000; index++) end(index)
    expect(ledger.release('r99999')?.ended).toBe('released')
    expect(ledger.release('r50000')?.ended).toBe('released')
    end(100_000)
    expect(ledger.release('r0')).toBeUndefined()
    expect(ledger.reserve({ ...reservation, id: 'r0' }).id).toBe('r0')
  })

  it('keeps what is open, however many others ended since', () => {
    const clock = new FakeClock()
    const ledger = ledgerOf(100, clock)
    ledger.reserve({ ...reservation, id: 'long', ttlMs: 3 * 3_600_000 })
    for (let index = 0; index < 120_000; index++) {
      ledger.reserve({ ...reservation, id: `r${index}` })
      ledger.release(`r${index}`)
    }
    clock.advance(3_600_000)
    ledger.balance('acme')
    clock.advance(3_600_000)
    expect(ledger.extend('long', 3_600_000)).toBe(true)
    expect(ledger.settle('long', 1)?.ended).toBe('settled')
  })

  it('lets each of thousands expire at its moment, extended and ended ones among them', () => {
    const step = fc.record({
      ttlMs: fc.integer({ min: 1, max: 500 }),
      extendMs: fc.option(fc.integer({ min: 1, max: 500 })),
      released: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
        const clock = new FakeClock()
        const ledger = ledgerOf(1_000, clock)
        const endsAfterMs: number[] = []
        for (const [index, { ttlMs }] of steps.entries()) {
          ledger.reserve({ ...reservation, id: `r${index}`, ttlMs })
        }
        for (const [index, { ttlMs, extendMs, released }] of steps.entries()) {
          if (extendMs !== null) ledger.extend(`r${index}`, extendMs)
          if (released && index % 3 === 0) ledger.release(`r${index}`)
          else endsAfterMs.push(extendMs ?? ttlMs)
        }
        for (let passedMs = 0; passedMs <= 500; passedMs += 25) {
          const open = endsAfterMs.filter((endMs) => endMs > passedMs).length
          expect(ledger.balance('acme').held).toBe(open)
          clock.advance(25)
        }
      }),
      { numRuns: 30 },
    )
  })
})

const reservation = { id: 'r1', account: 'acme', key: 'k1', amount: 1, ttlMs: 1_000 }
const dayMs = 86_400_000
