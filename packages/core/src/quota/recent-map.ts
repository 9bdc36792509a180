/**
 * What is remembered for a while, by id: for `keptMs` at least, or until there are `most`, of which
 * the newer half is always there.
 *
 * Two maps, an older and a newer one. The older one is dropped as a whole: deleting one by one from a
 * map of a hundred thousand costs as much as all the rest of a charge.
 */
export class RecentMap<T extends { readonly id: string }> {
  readonly #keptMs: number
  readonly #half: number
  #fullSize: number
  #newer = new Map<string, T>()
  #older = new Map<string, T>()
  /** When the newer map was begun, monotonic. */
  #begunMs = -Infinity

  constructor(keptMs: number, most: number) {
    this.#keptMs = keptMs
    this.#half = most / 2
    this.#fullSize = this.#half
  }

  get(id: string): T | undefined {
    return this.#newer.get(id) ?? this.#older.get(id)
  }

  add(value: T): void {
    this.#newer.set(value.id, value)
  }

  /** Whether it is time to {@link forget}. */
  isFull(nowMs: number): boolean {
    return this.#newer.size >= this.#fullSize || nowMs - this.#begunMs > this.#keptMs
  }

  /** Lets the older half go, but for what must stay, which is not counted among the most. */
  forget(nowMs: number, stay: Iterable<T>): void {
    this.#older = nowMs - this.#begunMs > 2 * this.#keptMs ? new Map() : this.#newer
    this.#newer = new Map()
    for (const value of stay) this.add(value)
    this.#fullSize = this.#newer.size + this.#half
    this.#begunMs = nowMs
  }
}
