import type { StoreTimes } from '../store-clock.js'

/** The times of a clock of another thread, as the newest call brought them. */
export class CarriedTimes implements StoreTimes {
  #monotonicMs = 0
  #wallMs = 0

  monotonicMs(): number {
    return this.#monotonicMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  /** Takes over what a call brought. */
  set(monotonicMs: number, wallMs: number): void {
    this.#monotonicMs = monotonicMs
    this.#wallMs = wallMs
  }
}
