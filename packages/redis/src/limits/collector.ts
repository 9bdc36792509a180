interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** How things are sent together. */
export interface CollectorParts<Item, Result> {
  /** Sends some, in the order in which they came; the results are in that order, too. */
  readonly send: (items: readonly [Item, ...Item[]]) => Promise<readonly Result[]>
  readonly sizeOf: (item: Item) => number
  /** How much may be sent at once; what is larger by itself is sent alone. */
  readonly most: number
}

/**
 * Sends together what comes in at the same moment: a command costs more than what it does, here and in
 * Redis. Nothing waits longer for that than until all that has arrived in this process is read.
 */
export class Collector<Item, Result> {
  readonly #parts: CollectorParts<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  #size = 0

  constructor(parts: CollectorParts<Item, Result>) {
    this.#parts = parts
  }

  /** Sends it with the others. Rejects as the sending of all of them does. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const size = this.#parts.sizeOf(item)
      if (this.#size + size > this.#parts.most) this.#send()
      // Not a microtask, which would come before the next request is read.
      if (this.#waiting.length === 0) setImmediate(() => this.#send())
      this.#waiting.push({ item, resolve, reject })
      this.#size += size
    })
  }

  #send(): void {
    const waiting = this.#waiting
    const [first, ...others] = waiting
    if (first === undefined) return
    this.#waiting = []
    this.#size = 0
    void this.#handOn(waiting, [first.item, ...others.map(({ item }) => item)])
  }

  async #handOn(
    waiting: readonly Waiting<Item, Result>[],
    items: readonly [Item, ...Item[]],
  ): Promise<void> {
    try {
      const results = await this.#parts.send(items)
      for (const [index, { resolve, reject }] of waiting.entries()) {
        const result = results[index]
        if (result === undefined) reject(new TypeError('Redis answered with too little'))
        else resolve(result)
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}
