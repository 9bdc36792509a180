/** Failures in a row after which a store is left alone. */
const mostFailures = 5

/** How long it is left alone before one call tries it again, in milliseconds. */
const pauseMs = 1_000

/** Whether a store is worth asking, by how its last calls went. */
export class Breaker {
  #failures = 0
  /** When the next call may try, monotonic time; undefined while the breaker is closed. */
  #retryAtMs: number | undefined

  /** Whether calls are refused. */
  get isOpen(): boolean {
    return this.#retryAtMs !== undefined
  }

  /** Whether an open breaker lets this call through: one every second, and one after a late answer. */
  admits(nowMs: number): boolean {
    if (this.#retryAtMs === undefined) return true
    if (nowMs < this.#retryAtMs) return false
    this.#retryAtMs = nowMs + pauseMs
    return true
  }

  /** The store answered. Whether that closed the breaker. */
  succeeded(): boolean {
    this.#failures = 0
    if (this.#retryAtMs === undefined) return false
    this.#retryAtMs = undefined
    return true
  }

  /** The store is there again, if late: the next call may try. */
  answeredLate(nowMs: number): void {
    if (this.#retryAtMs !== undefined) this.#retryAtMs = nowMs
  }

  /** The store failed. Whether that opened the breaker. */
  failed(nowMs: number): boolean {
    this.#failures++
    if (this.#retryAtMs !== undefined || this.#failures < mostFailures) return false
    this.#retryAtMs = nowMs + pauseMs
    return true
  }
}
