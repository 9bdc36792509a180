/** Something that can be in one {@link LinkedList}. */
export interface Linked<T> {
  /** The list's own. */
  before: T | undefined
  /** The list's own. */
  after: T | undefined
}

/** What comes and goes in any order: adding and removing look nothing up. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds what is in no list. */
  add(item: T): void {
    item.after = this.#first
    if (this.#first !== undefined) this.#first.before = item
    this.#first = item
    this.#size++
  }

  /** Removes what is in this list. */
  remove(item: T): void {
    const { before, after } = item
    if (before === undefined) this.#first = after
    else before.after = after
    if (after !== undefined) after.before = before
    item.before = undefined
    item.after = undefined
    this.#size--
  }

  /** Each of them, the newest first. The one that was handed out last may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    let item = this.#first
    while (item !== undefined) {
      const { after } = item
      yield item
      item = after
    }
  }
}
