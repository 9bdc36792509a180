import type { KeyCaps } from '../keys/api-key.js'
import { keyQuotaExceeded, type Cap } from './refusals.js'
import type { UtcCalendar } from './utc-calendar.js'

/** What was spent in the calendar's window of one number; sums of past windows are not kept. */
export interface SpendingWindow {
  readonly number: number
  readonly spent: number
}

/** What one key has spent and holds, in micro-USD; a store keeps it as it is. */
export interface KeySpendingState {
  /** Over the key's whole life. */
  readonly spent: number
  /** What its open reservations hold. */
  readonly held: number
  readonly day: SpendingWindow
  readonly month: SpendingWindow
}

const nothing: SpendingWindow = { number: -1, spent: 0 }

/** What one key has spent and holds, in micro-USD. */
export class KeySpending implements KeySpendingState {
  held: number
  #spent: number
  #day: SpendingWindow
  #month: SpendingWindow

  constructor(state?: KeySpendingState) {
    this.held = state?.held ?? 0
    this.#spent = state?.spent ?? 0
    this.#day = state?.day ?? nothing
    this.#month = state?.month ?? nothing
  }

  get spent(): number {
    return this.#spent
  }

  get day(): SpendingWindow {
    return this.#day
  }

  get month(): SpendingWindow {
    return this.#month
  }

  /** Counts a charge in a day and a month, as the calendar numbers them. */
  spend(amount: number, day: number, month: number): void {
    this.#spent += amount
    this.#day = added(this.#day, amount, day)
    this.#month = added(this.#month, amount, month)
  }

  /** @throws GatewayError `key_quota_exceeded` when a cap does not leave room for the amount */
  check(amount: number, caps: KeyCaps, calendar: UtcCalendar): void {
    if (caps.total !== undefined) this.#checkCap('total', amount, caps.total, this.#spent)
    if (caps.month === undefined && caps.day === undefined) return
    const day = calendar.day()
    if (caps.month !== undefined) {
      this.#month = windowIn(this.#month, calendar.monthOf(day))
      this.#checkCap('monthly', amount, caps.month, this.#month.spent)
    }
    if (caps.day !== undefined) {
      this.#day = windowIn(this.#day, day)
      this.#checkCap('daily', amount, caps.day, this.#day.spent)
    }
  }

  #checkCap(name: Cap, amount: number, cap: number, spent: number): void {
    const left = cap - spent - this.held
    if (amount > left) throw keyQuotaExceeded(name, amount, left)
  }
}

/**
 * A window as it counts now.
 *
 * The system's clock may be wrong for a while. Set back by less than a window, the sum stays where
 * it is, so that nobody has the beginning of a day twice. Set back by more, which is what mending a
 * clock that was far ahead does, the sum counts for the window in which the key is used next: nobody
 * is locked out until a date far away.
 */
function windowIn(window: SpendingWindow, number: number): SpendingWindow {
  if (number > window.number) return { number, spent: 0 }
  if (number < window.number - 1) return { number, spent: window.spent }
  return window
}

function added(window: SpendingWindow, amount: number, number: number): SpendingWindow {
  const now = windowIn(window, number)
  return { number: now.number, spent: now.spent + amount }
}
