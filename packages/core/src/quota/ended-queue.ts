/** Something that ended, and knows what ended after it. */
export interface Ended<T> {
  /** Monotonic milliseconds. */
  endedAtMs: number
  /** The queue's own. */
  next: T | undefined
}

const rememberedMs = 10 * 60_000
const mostRemembered = 100_000

/**
 * What ended, in its order, until it may be forgotten: each for ten minutes, and the newest 100,000
 * at most.
 *
 * A list of its own, because the first key of a Map that is emptied from its front is found by
 * walking over everything that was deleted there.
 */
export class EndedQueue<T extends Ended<T>> {
  #oldest: T | undefined
  #newest: T | undefined
  #length = 0

  add(entry: T, nowMs: number): void {
    entry.endedAtMs = nowMs
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.next = entry
    this.#newest = entry
    this.#length++
  }

  /** Takes out the oldest, if it may be forgotten. */
  takeForgotten(nowMs: number): T | undefined {
    const oldest = this.#oldest
    if (oldest === undefined) return undefined
    if (oldest.endedAtMs + rememberedMs >= nowMs && this.#length <= mostRemembered) return undefined
    this.#oldest = oldest.next
    if (this.#oldest === undefined) this.#newest = undefined
    this.#length--
    return oldest
  }
}
