import { BackOff } from '../lib/back-off.js'
import type { Clock, Timer } from '../lib/clock.js'
import type { LinkedList } from '../lib/linked-list.js'
import { isPromise } from '../lib/when-done.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure } from '../stores/store-errors.js'
import type { RunningHold } from './hold.js'
import type { Ledger } from './ledger.js'

/** What an Extender stands on. */
export interface ExtenderParts {
  readonly ledger: Ledger
  readonly calls: StoreCalls
  readonly clock: Clock
  readonly ttlMs: number
  /** The requests that run. */
  readonly holds: LinkedList<RunningHold>
}

/**
 * Extends the reservations of requests that run: one timer for all of them, at a third of their
 * time, and none when nothing runs. What the ledger did not take is repeated until it does.
 */
export class Extender {
  readonly #parts: ExtenderParts
  readonly #failed = new Set<RunningHold>()
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
      for (const held of holds) this.#extend(held)
      if (holds.size > 0) this.began()
    })
  }

  /** A request is over. */
  ended(held: RunningHold): void {
    if (this.#failed.size > 0) this.#failed.delete(held)
    if (this.#parts.holds.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#repeating?.cancel()
    this.#repeating = undefined
  }

  #extend(held: RunningHold): void {
    const { request, reserved } = held
    if (reserved === undefined) return
    const { ledger, calls, ttlMs } = this.#parts
    try {
      const extended = calls.run(() => ledger.extend(request.id, ttlMs))
      if (isPromise(extended)) {
        void extended.then(
          () => this.#extended(held),
          (error: unknown) => this.#notExtended(held, error),
        )
      } else this.#extended(held)
    } catch (error) {
      this.#notExtended(held, error)
    }
  }

  #extended(held: RunningHold): void {
    if (this.#failed.delete(held) && this.#failed.size === 0) this.#backOff.reset()
  }

  #notExtended(held: RunningHold, error: unknown): void {
    if (!held.isRunning) return
    if (!this.#failed.has(held)) held.exchange.report('a reservation was not extended', error)
    if (!isStoreFailure(error)) return
    this.#failed.add(held)
    this.#repeating ??= this.#parts.clock.after(this.#backOff.next(), () => {
      this.#repeating = undefined
      for (const failed of this.#failed) this.#extend(failed)
    })
  }
}
