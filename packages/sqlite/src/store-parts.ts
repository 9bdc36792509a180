import type { Ledger, RequestLog } from '@lazu/core'

/**
 * A ledger in a SQLite file. Every step is one transaction, so that several processes on the file
 * are exact together.
 *
 * - A reservation expires by the machine's monotonic time, whatever happens to the wall clock. After
 *   the machine was started again, those that were open then are over, or will be after their
 *   `ttlMs` at the latest.
 * - A charge counts in the day and the month (UTC) in which it is settled, whenever it was reserved.
 *   What a key holds counts against each of its caps.
 * - Every movement is kept until it is compacted. The view `lazu_movements` lists them all.
 * - A step throws GatewayError `store_read_failed` or `store_write_failed`, with SQLite's error as
 *   its cause, when the file does not let it; nothing is changed then. A step that was not answered
 *   because its thread died may be done all the same: a second try shows.
 */
export interface SqliteLedger extends Ledger {
  /** See `Ledger.deadlineMs`: `busyTimeout` and a little more. */
  readonly deadlineMs: number
  /**
   * Deletes the movements of reservations that ended before a day (UTC), `2026-11-21`. Balances,
   * caps, `usage` and credits stay as they are; whether a reservation of then was settled can no
   * longer be told. Works in small steps, between which others are served.
   *
   * @returns how many reservations it deleted
   * @throws RangeError for a date that is none
   */
  compact(before: string): Promise<number>
}

/**
 * What became of the newest requests, in a SQLite file. Records are gathered and written a moment
 * later, a few at a time: a process that is killed takes those of its last moment with it.
 */
export interface SqliteRequestLog extends RequestLog {
  /** Writes everything that waits. */
  flush(): Promise<void>
}
