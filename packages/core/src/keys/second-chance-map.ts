interface Slot<V> {
  value: V
  /** Whether it was read since the hand last came by. */
  used: boolean
}

// How many slots one eviction looks at, at most: what was read often may go in a bad moment rather
// than a request waiting for a round through all of them.
const looksPerEviction = 16

/**
 * A Map that holds `capacity` entries at most and drops one that was not read lately: the "clock"
 * or second-chance way. Reading only sets a flag, so a hit costs one look-up. Re-inserting on every
 * hit would cost two writes and leave a hole behind; two generations would promise only half of the
 * capacity.
 */
export class SecondChanceMap<V> {
  readonly #slots = new Map<string, Slot<V>>()
  readonly #capacity: number
  readonly #onDrop: ((key: string, value: V) => void) | undefined
  // Kept between evictions: a new iterator would step over the holes of all that were dropped.
  #hand: Iterator<[string, Slot<V>]> | undefined

  /** @param onDrop is told what was dropped to make room */
  constructor(capacity: number, onDrop?: (key: string, value: V) => void) {
    this.#capacity = capacity
    this.#onDrop = onDrop
  }

  get size(): number {
    return this.#slots.size
  }

  get(key: string): V | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    slot.used = true
    return slot.value
  }

  set(key: string, value: V): void {
    const slot = this.#slots.get(key)
    if (slot !== undefined) {
      slot.value = value
      return
    }
    if (this.#capacity === 0) return
    if (this.#slots.size >= this.#capacity) this.#drop()
    this.#slots.set(key, { value, used: false })
  }

  delete(key: string): void {
    this.#slots.delete(key)
  }

  #drop(): void {
    for (let look = 1; ; look++) {
      const [key, slot] = this.#next()
      if (slot.used && look < looksPerEviction) {
        slot.used = false
        continue
      }
      this.#slots.delete(key)
      this.#onDrop?.(key, slot.value)
      return
    }
  }

  /** Moves the hand on, round and round. There is at least one slot. */
  #next(): [string, Slot<V>] {
    for (;;) {
      this.#hand ??= this.#slots.entries()
      const { done, value } = this.#hand.next()
      if (done !== true) return value
      this.#hand = undefined
    }
  }
}
