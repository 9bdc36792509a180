import type { Settled } from './ledger.js'

interface Entry {
  readonly settled: Settled
  readonly endedAtMs: number
  next: Entry | undefined
}

const rememberedMs = 10 * 60_000
const mostRemembered = 100_000

/**
 * How reservations ended, so that asking twice does no harm: each for ten minutes, and the newest
 * 100,000 at most.
 *
 * A list beside the Map, because the first key of a Map that is emptied from its front is found by
 * walking over everything that was deleted there.
 */
export class EndedReservations {
  readonly #byId = new Map<string, Entry>()
  #oldest: Entry | undefined
  #newest: Entry | undefined

  get(id: string): Settled | undefined {
    return this.#byId.get(id)?.settled
  }

  add(settled: Settled, nowMs: number): void {
    const entry: Entry = { settled, endedAtMs: nowMs, next: undefined }
    this.#byId.set(settled.id, entry)
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.next = entry
    this.#newest = entry
    if (this.#byId.size > mostRemembered) this.#forgetOldest()
  }

  /** Forgets what is too old. */
  forget(nowMs: number): void {
    while (this.#oldest !== undefined && this.#oldest.endedAtMs + rememberedMs < nowMs) {
      this.#forgetOldest()
    }
  }

  #forgetOldest(): void {
    const oldest = this.#oldest
    if (oldest === undefined) return
    this.#byId.delete(oldest.settled.id)
    this.#oldest = oldest.next
    if (this.#oldest === undefined) this.#newest = undefined
  }
}
