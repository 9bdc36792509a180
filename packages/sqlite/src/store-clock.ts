import type { Clock } from '@lazu/core'
import type { Connection } from './connection.js'
import { integer } from './database.js'

// The time since the machine started, which all its processes share. `performance.now()` alone is
// the time since this process started.
const processStartedMs = Number(process.hrtime.bigint() / 1_000n) / 1_000 - performance.now()

/** The two times a store goes by. */
export type StoreTimes = Pick<Clock, 'monotonicMs' | 'wallMs'>

/** The machine's own. */
export const machineTimes: StoreTimes = {
  monotonicMs: () => performance.now() + processStartedMs,
  wallMs: () => Date.now(),
}

// Far more than two processes' readings of one clock can differ by.
const toleranceMs = 10_000

/**
 * The time reservations expire by: the machine's monotonic time, moved by an offset that stands in
 * the file, so that every process on this file has the same time and nobody can set it.
 *
 * After the machine was started again its monotonic time begins anew, and the store's with it. That
 * is seen from reservations that would have been held at a moment to come. Whoever held them is gone:
 * the time goes on from where all of them are over.
 */
export class StoreClock {
  /** What the store's time is ahead of the machine's, in milliseconds. */
  readonly offsetMs: number
  readonly #times: StoreTimes

  constructor(times: StoreTimes, offsetMs: number) {
    this.#times = times
    this.offsetMs = offsetMs
  }

  /** The store's time, in whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.#times.monotonicMs()) + this.offsetMs
  }

  /** Milliseconds since 1970. */
  wallMs(): number {
    return Math.floor(this.#times.wallMs())
  }
}

/** The clock of a database; within a transaction that may write. */
export function storeClockOf(connection: Connection, times: StoreTimes): StoreClock {
  const machineMs = Math.floor(times.monotonicMs())
  const row = connection.prepare('SELECT offset_ms FROM lazu_clock').get()
  if (row === undefined) {
    const offsetMs = Math.floor(times.wallMs()) - machineMs
    connection.prepare('INSERT INTO lazu_clock VALUES (?)').run(offsetMs)
    return new StoreClock(times, offsetMs)
  }
  const offsetMs = integer(row, 'offset_ms')
  const open = connection.prepare(
    'SELECT coalesce(max(held_at), 0) AS held_at, coalesce(max(expires_at), 0) AS expires_at ' +
      'FROM lazu_reservations WHERE ended IS NULL',
  )
  const latest = open.get() ?? {}
  const isRestarted = integer(latest, 'held_at') > machineMs + offsetMs + toleranceMs
  const moved = isRestarted ? integer(latest, 'expires_at') - machineMs : offsetMs
  // Also when it stays the same: a file that cannot be written to must stop the start.
  connection.prepare('UPDATE lazu_clock SET offset_ms = ?').run(moved)
  return new StoreClock(times, moved)
}
