import type { Exchange } from '../exchange.js'
import { BackOff } from '../lib/back-off.js'
import type { Clock, Timer } from '../lib/clock.js'
import { isPromise } from '../lib/when-done.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure } from '../stores/store-errors.js'
import type { Hold } from './hold.js'
import type { Ledger } from './ledger.js'

/** What an Extender stands on. */
export interface ExtenderParts {
  readonly ledger: Ledger
  readonly calls: StoreCalls
  readonly clock: Clock
  readonly ttlMs: number
  /** The requests that run. */
  readonly holds: ReadonlyMap<Exchange, Hold>
}

/**
 * Extends the reservations of requests that run: one timer for all of them, at a third of their
 * time, and none when nothing runs. What the ledger did not take is repeated until it does.
 */
export class Extender {
  readonly #parts: ExtenderParts
  readonly #failed = new Set<Exchange>()
  readonly #backOff = new BackOff()
  #timer: Timer | undefined
  #repeating: Timer | undefined

  constructor(parts: ExtenderParts) {
    this.#parts = parts
  }

  /** A request runs. */
  began(): void {
    const { clock, holds, ttlMs } = this.#parts
    this.#timer ??= clock.after(ttlMs / 3, () => {
      this.#timer = undefined
      for (const [exchange, held] of holds) this.#extend(exchange, held)
      if (holds.size > 0) this.began()
    })
  }

  /** A request is over. */
  ended(exchange: Exchange): void {
    this.#failed.delete(exchange)
    if (this.#parts.holds.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#repeating?.cancel()
    this.#repeating = undefined
  }

  #extend(exchange: Exchange, { request, reserved }: Hold): void {
    if (reserved === undefined) return
    const { ledger, calls, ttlMs } = this.#parts
    try {
      const extended = calls.run(() => ledger.extend(request.id, ttlMs))
      if (isPromise(extended)) {
        void extended.then(
          () => this.#extended(exchange),
          (error: unknown) => this.#notExtended(exchange, error),
        )
      } else this.#extended(exchange)
    } catch (error) {
      this.#notExtended(exchange, error)
    }
  }

  #extended(exchange: Exchange): void {
    if (this.#failed.delete(exchange) && this.#failed.size === 0) this.#backOff.reset()
  }

  #notExtended(exchange: Exchange, error: unknown): void {
    if (!this.#parts.holds.has(exchange)) return
    if (!this.#failed.has(exchange)) exchange.report('a reservation was not extended', error)
    if (!isStoreFailure(error)) return
    this.#failed.add(exchange)
    this.#repeating ??= this.#parts.clock.after(this.#backOff.next(), () => {
      this.#repeating = undefined
      this.#repeat()
    })
  }

  #repeat(): void {
    for (const exchange of this.#failed) {
      const held = this.#parts.holds.get(exchange)
      if (held !== undefined) this.#extend(exchange, held)
    }
  }
}
