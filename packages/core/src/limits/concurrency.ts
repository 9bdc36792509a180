/**
 * Counts what is in flight, by key. A key with nothing in flight takes no memory.
 *
 * @example
 * ```ts
 * if (!inFlight.enter(key.id, 5)) throw new GatewayError('concurrency_limited')
 * try { await work() } finally { inFlight.exit(key.id) }
 * ```
 */
export class ConcurrencyMemory {
  readonly #counts = new Map<string, number>()

  /**
   * Counts one more, unless `limit` are in flight already.
   *
   * @returns whether it was counted; only then does an {@link exit} belong to it
   */
  enter(key: string, limit: number): boolean {
    const count = this.#counts.get(key) ?? 0
    // Not `count >= limit`, which a limit of NaN would pass.
    if (!(count < limit)) return false
    this.#counts.set(key, count + 1)
    return true
  }

  /** Counts one less. Harmless when nothing is in flight. */
  exit(key: string): void {
    const count = this.#counts.get(key)
    if (count === undefined) return
    if (count > 1) this.#counts.set(key, count - 1)
    else this.#counts.delete(key)
  }

  /** How many are in flight. */
  inFlight(key: string): number {
    return this.#counts.get(key) ?? 0
  }
}
