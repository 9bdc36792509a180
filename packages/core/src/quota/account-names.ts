import type { AccountPage } from './ledger.js'
import { compareUtf8 } from './utf8-order.js'

/** The accounts' names in the order of their UTF-8 bytes, sorted when somebody asks for a page. */
export class AccountNames {
  readonly #names: string[] = []
  #isSorted = true

  /** Adds a name that is not there yet. */
  add(name: string): void {
    this.#names.push(name)
    this.#isSorted = false
  }

  page({ after, limit }: AccountPage): string[] {
    if (!this.#isSorted) {
      this.#names.sort(compareUtf8)
      this.#isSorted = true
    }
    const start = after === undefined ? 0 : this.#positionBehind(after)
    return this.#names.slice(start, start + limit)
  }

  /** The index of the first name that sorts behind this one, by binary search. */
  #positionBehind(name: string): number {
    let low = 0
    let high = this.#names.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareUtf8(this.#names[middle] ?? '', name) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
