import type { Clock } from '../lib/clock.js'

const dayMs = 86_400_000
const dateForm = /^\d{4}-\d\d-\d\d$/

/** The calendar by which daily and monthly caps go: UTC, whatever the machine's time zone is. */
export class UtcCalendar {
  readonly #clock: Pick<Clock, 'wallMs'>
  #monthOfDay = -1
  #month = -1

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock
  }

  /** Days since 1970-01-01. */
  day(): number {
    return dayAt(this.#clock.wallMs())
  }

  /** Months since the year 0, for a day as `day()` gives it. */
  monthOf(day: number): number {
    if (day !== this.#monthOfDay) {
      const date = new Date(day * dayMs)
      this.#month = date.getUTCFullYear() * 12 + date.getUTCMonth()
      this.#monthOfDay = day
    }
    return this.#month
  }
}

/** The day (UTC) of a moment, in days since 1970-01-01. */
export function dayAt(wallMs: number): number {
  return Math.floor(wallMs / dayMs)
}

/**
 * The day of a date, in days since 1970-01-01.
 *
 * @param name what the argument is called, for the message
 * @throws RangeError when it is no date of the calendar in the form 2026-11-21
 * @example
 * ```ts
 * dayOfDate('from', '2026-11-21') // 20_778
 * ```
 */
export function dayOfDate(name: string, date: string): number {
  const atMs = typeof date === 'string' && dateForm.test(date) ? Date.parse(date) : Number.NaN
  // The 30th of February is read as a day in March.
  if (Number.isNaN(atMs) || dateOfDay(atMs / dayMs) !== date) {
    throw new RangeError(`${name} must be a date in the form 2026-11-21`)
  }
  return atMs / dayMs
}

/**
 * The date of a day.
 *
 * @param day in days since 1970-01-01
 * @throws RangeError for a day no date has
 * @example
 * ```ts
 * dateOfDay(20_778) // '2026-11-21'
 * ```
 */
export function dateOfDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}
