/**
 * The two times and the one timer everything here uses. Tests pass a clock they move by hand.
 *
 * Limits, timeouts and reservations go by the monotonic time, so that a system clock set back an
 * hour gives nobody free tokens. Expiry dates and calendar days go by the wall time.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number
  /** Milliseconds since 1970-01-01 UTC. */
  wallMs(): number
  /** Calls `callback` once after `delayMs`. A waiting timer holds no process open. */
  after(delayMs: number, callback: () => void): Timer
}

/** A timer that has not gone off yet. */
export interface Timer {
  /** Makes sure the callback is not called any more. Harmless when it was. */
  cancel(): void
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout

  constructor(delayMs: number, callback: () => void) {
    this.#timeout = setTimeout(callback, delayMs)
    this.#timeout.unref()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }
}

/** The machine's own clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
}
