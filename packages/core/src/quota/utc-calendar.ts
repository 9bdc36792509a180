import type { Clock } from '../lib/clock.js'

const dayMs = 86_400_000

/** The calendar by which daily and monthly caps go: UTC, whatever the machine's time zone is. */
export class UtcCalendar {
  readonly #clock: Clock
  #monthOfDay = -1
  #month = -1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Days since 1970-01-01. */
  day(): number {
    return Math.floor(this.#clock.wallMs() / dayMs)
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
