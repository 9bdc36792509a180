import type { KeyCaps } from '../keys/api-key.js'
import { keyQuotaExceeded, type Cap } from './refusals.js'
import type { UtcCalendar } from './utc-calendar.js'

/**
 * What was spent in the current day or month. Windows are numbered; sums of past ones are not kept.
 *
 * The system's clock may be wrong for a while. Set back by less than a window, the sum stays where
 * it is, so that nobody has the beginning of a day twice. Set back by more, which is what mending a
 * clock that was far ahead does, the sum counts for the window in which the key is used next: nobody
 * is locked out until a date far away.
 */
class SpendingWindow {
  #number = -1
  #spent = 0

  spentIn(number: number): number {
    if (number > this.#number) {
      this.#number = number
      this.#spent = 0
    } else if (number < this.#number - 1) {
      this.#number = number
    }
    return this.#spent
  }

  add(amount: number, number: number): void {
    this.#spent = this.spentIn(number) + amount
  }
}

/** What one key has spent and holds, in micro-USD. */
export class KeySpending {
  /** What its open reservations hold. */
  held = 0
  #spent = 0
  readonly #day = new SpendingWindow()
  readonly #month = new SpendingWindow()

  /** Spent over the key's whole life. */
  get spent(): number {
    return this.#spent
  }

  /** Counts a charge, in the day and the month it is now. */
  spend(amount: number, calendar: UtcCalendar): void {
    const day = calendar.day()
    this.#spent += amount
    this.#day.add(amount, day)
    this.#month.add(amount, calendar.monthOf(day))
  }

  /** @throws GatewayError `key_quota_exceeded` when a cap does not leave room for the amount */
  check(amount: number, caps: KeyCaps, calendar: UtcCalendar): void {
    if (caps.total !== undefined) this.#checkCap('total', amount, caps.total, this.#spent)
    if (caps.month === undefined && caps.day === undefined) return
    const day = calendar.day()
    if (caps.month !== undefined) {
      const spent = this.#month.spentIn(calendar.monthOf(day))
      this.#checkCap('monthly', amount, caps.month, spent)
    }
    if (caps.day !== undefined) {
      this.#checkCap('daily', amount, caps.day, this.#day.spentIn(day))
    }
  }

  #checkCap(name: Cap, amount: number, cap: number, spent: number): void {
    const left = cap - spent - this.held
    if (amount > left) throw keyQuotaExceeded(name, amount, left)
  }
}
