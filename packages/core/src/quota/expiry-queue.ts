/** Something that ends at a moment, and knows its place in the queue. */
export interface Expiring {
  /** Monotonic milliseconds. */
  expiresAtMs: number
  /** The queue's own. */
  place: number
}

/**
 * What expires, the earliest first: a binary heap whose entries know their places, so that one that
 * ended early is taken out at once instead of lying there until its time.
 */
export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = []

  /** The one to expire first. */
  get first(): T | undefined {
    return this.#heap[0]
  }

  /** Each of them, in no order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#heap.values()
  }

  add(entry: T): void {
    this.#heap.push(entry)
    this.#rise(entry, this.#heap.length - 1)
  }

  /** Takes out an entry that is in the queue. */
  remove(entry: T): void {
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    this.#settle(last, entry.place)
  }

  /** Moves an entry whose `expiresAtMs` was changed. */
  moved(entry: T): void {
    this.#settle(entry, entry.place)
  }

  #settle(entry: T, place: number): void {
    this.#rise(entry, place)
    if (entry.place === place) this.#sink(entry, place)
  }

  #rise(entry: T, from: number): void {
    let place = from
    while (place > 0) {
      const parentPlace = (place - 1) >> 1
      const parent = this.#heap[parentPlace]
      if (parent === undefined || parent.expiresAtMs <= entry.expiresAtMs) break
      this.#put(parent, place)
      place = parentPlace
    }
    this.#put(entry, place)
  }

  #sink(entry: T, from: number): void {
    let place = from
    for (;;) {
      let childPlace = 2 * place + 1
      let child = this.#heap[childPlace]
      if (child === undefined) break
      const other = this.#heap[childPlace + 1]
      if (other !== undefined && other.expiresAtMs < child.expiresAtMs) {
        child = other
        childPlace++
      }
      if (child.expiresAtMs >= entry.expiresAtMs) break
      this.#put(child, place)
      place = childPlace
    }
    this.#put(entry, place)
  }

  #put(entry: T, place: number): void {
    this.#heap[place] = entry
    entry.place = place
  }
}
