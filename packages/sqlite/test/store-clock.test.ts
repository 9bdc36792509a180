import { join } from 'node:path'
import type { ReserveRequest } from '@lazu/core'
import { sqliteStore, type SqliteLedger } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
const minuteMs = 60_000
const yearMs = 365 * 86_400_000
const startMs = Date.UTC(2026, 0, 15, 12)
let files = 0
let path = ''

beforeEach(() => {
  path = join(folder, `${files++}.db`)
})

function open(clock: FakeClock): SqliteLedger {
  const store = sqliteStore({ path, clock })
  onTestFinished(() => store.close())
  return store.ledger
}

/** A machine that has been running for a while. */
function machine(uptimeMs: number, wallMs: number = startMs): FakeClock {
  const clock = new FakeClock(wallMs - uptimeMs)
  clock.advance(uptimeMs)
  return clock
}

function request(id: string, ttlMs: number = minuteMs): ReserveRequest {
  return { id, account: 'acme', key: 'k1', amount: 10, ttlMs }
}

async function held(ledger: SqliteLedger): Promise<number> {
  return (await ledger.balance('acme')).held
}

describe('a reservation', () => {
  it('is held over a start of its process, until its time', async () => {
    const clock = machine(10 * minuteMs)
    const before = open(clock)
    await before.credit('acme', 100, 'c1')
    await before.reserve(request('r1'))
    clock.advance(minuteMs / 2)
    const after = open(clock)
    clock.advance(minuteMs / 2 - 1)
    expect([await held(before), await held(after)]).toEqual([10, 10])
    clock.advance(1)
    expect([await held(before), await held(after)]).toEqual([0, 0])
    expect(await after.settle('r1', 5)).toEqual({ id: 'r1', ended: 'expired', amount: 0 })
  })

  it.each([
    ['ahead', 10 * yearMs],
    ['back', -10 * yearMs],
  ])('is held as long when somebody sets the clock %s by years', async (_, jumpMs) => {
    const clock = machine(10 * minuteMs)
    const before = open(clock)
    await before.credit('acme', 100, 'c1')
    await before.reserve(request('r1'))
    clock.setWallMs(clock.wallMs() + jumpMs)
    const after = open(clock)
    await after.reserve(request('r2'))
    clock.advance(minuteMs - 1)
    expect([await held(before), await held(after)]).toEqual([20, 20])
    clock.advance(1)
    expect([await held(before), await held(after)]).toEqual([0, 0])
  })
})

describe('after a start of the machine', () => {
  it('the reservations of before are over, and new ones are held for their time', async () => {
    const first = open(machine(100 * minuteMs))
    await first.credit('acme', 100, 'c1')
    await first.reserve(request('short'))
    await first.reserve(request('long', 300 * minuteMs))
    expect(await held(first)).toBe(20)

    const clock = machine(2_000, startMs + minuteMs)
    const ledger = open(clock)
    expect(await ledger.balance('acme')).toMatchObject({ held: 0, available: 100 })
    await ledger.reserve(request('new'))
    const neighbour = open(clock)
    clock.advance(minuteMs - 1)
    expect([await held(ledger), await held(neighbour)]).toEqual([10, 10])
    expect(await neighbour.settle('long', 5)).toMatchObject({ ended: 'expired', amount: 0 })
    clock.advance(1)
    expect([await held(ledger), await held(neighbour)]).toEqual([0, 0])
    for (const id of ['short', 'long', 'new']) {
      const [, end] = await ledger.movements(id)
      expect(end).toMatchObject({ kind: 'expired', amount: 10 })
      // No later than now, and not before the machine was started.
      expect(end?.atMs).toBeLessThanOrEqual(clock.wallMs())
    }
  })

  it('and after many of them, each reservation is held for its time', async () => {
    await open(machine(50 * minuteMs)).credit('acme', 1_000, 'c1')
    for (let start = 0; start < 10; start++) {
      // The wall clock is wrong by years, too.
      const clock = machine(2_000, startMs + start * yearMs * (-1) ** start)
      const ledger = open(clock)
      expect(await held(ledger)).toBe(0)
      clock.advance(100 * minuteMs)
      await ledger.reserve(request(`short ${start}`))
      await ledger.reserve(request(`long ${start}`, 200 * minuteMs))
      clock.advance(minuteMs - 1)
      expect(await held(ledger)).toBe(20)
      clock.advance(1)
      expect(await held(ledger)).toBe(10)
    }
  })

  it('that was as young before, reservations are over at their time in its new life', async () => {
    const first = open(machine(20_000))
    await first.credit('acme', 100, 'c1')
    await first.reserve(request('r1'))
    const clock = machine(15_000)
    const ledger = open(clock)
    clock.advance(5_000 + minuteMs - 1)
    expect(await held(ledger)).toBe(10)
    clock.advance(1)
    expect(await held(ledger)).toBe(0)
  })

  it('nothing is different when nothing was open', async () => {
    const first = open(machine(100 * minuteMs))
    await first.credit('acme', 100, 'c1')
    await first.reserve(request('done'))
    await first.settle('done', 4)
    const clock = machine(2_000)
    const ledger = open(clock)
    expect(await ledger.settle('done', 4)).toMatchObject({ ended: 'settled', amount: 4 })
    await ledger.reserve(request('new'))
    clock.advance(minuteMs - 1)
    expect(await held(ledger)).toBe(10)
    clock.advance(1)
    expect(await held(ledger)).toBe(0)
  })

  it('that was up longer than the one before, reservations are over at their time', async () => {
    const first = open(machine(minuteMs))
    await first.credit('acme', 100, 'c1')
    await first.reserve(request('r1'))
    expect(await held(open(machine(2 * minuteMs - 1)))).toBe(10)
    expect(await held(open(machine(2 * minuteMs)))).toBe(0)
  })
})
