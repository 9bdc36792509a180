const firstMs = 100
const longestMs = 5_000

/** How long to wait between tries: 100 ms at first, twice as long each time, 5 s at most. */
export class BackOff {
  #nextMs = firstMs

  /** Milliseconds to wait now: a random part of it, lest all that wait come back at once. */
  next(): number {
    const mostMs = this.#nextMs
    this.#nextMs = Math.min(longestMs, 2 * mostMs)
    return Math.max(firstMs, mostMs * (0.5 + Math.random() / 2))
  }

  /** Begins with 100 ms again. */
  reset(): void {
    this.#nextMs = firstMs
  }
}
