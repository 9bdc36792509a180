import type { Clock, Timer } from '@lazu/core'

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #monotonicMs = 1_000
  #wallMs: number
  readonly #timers = new Set<{ dueMs: number; callback: () => void }>()

  /** @param wallMs the wall time it begins at, in milliseconds since 1970 */
  constructor(wallMs: number = Date.UTC(2026, 0, 15, 12)) {
    this.#wallMs = wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** How many timers are waiting. */
  get waiting(): number {
    return this.#timers.size
  }

  /** Moves both times on, and runs the timers that fall due, in their order. */
  advance(ms: number): void {
    const target = this.#monotonicMs + ms
    for (;;) {
      let next: { dueMs: number; callback: () => void } | undefined
      for (const timer of this.#timers) {
        if (timer.dueMs <= target && (next === undefined || timer.dueMs < next.dueMs)) next = timer
      }
      if (next === undefined) break
      this.#move(next.dueMs - this.#monotonicMs)
      this.#timers.delete(next)
      next.callback()
    }
    this.#move(target - this.#monotonicMs)
  }

  /** Sets the wall time alone, as somebody who sets a system's clock does. */
  setWallMs(wallMs: number): void {
    this.#wallMs = wallMs
  }

  #move(ms: number): void {
    this.#monotonicMs += ms
    this.#wallMs += ms
  }
}
