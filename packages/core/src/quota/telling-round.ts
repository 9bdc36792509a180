import type { Unsettled } from './unsettled.js'

/**
 * One round of telling a ledger how requests are to end: each is told once. Those that it did not
 * take come last in the next round, so that one it can never take holds up no other.
 */
export class TellingRound {
  readonly #waiting: Set<Unsettled>
  readonly #unavailable = new Set<string>()
  readonly #skipped: Unsettled[] = []
  readonly #again: Unsettled[] = []

  /** @param waiting those to be told, in their order; more may come while the round runs */
  constructor(waiting: Set<Unsettled>) {
    this.#waiting = waiting
  }

  /** How many have to wait for the next round. */
  get size(): number {
    return this.#skipped.length + this.#again.length
  }

  /** Takes out the next that are to be told, `most` at most; none when the round is over. */
  next(most: number): Unsettled[] {
    const batch: Unsettled[] = []
    for (const entry of this.#waiting) {
      if (batch.length === most) break
      this.#waiting.delete(entry)
      if (this.#unavailable.has(entry.account)) this.#skipped.push(entry)
      else batch.push(entry)
    }
    return batch
  }

  /** One has to be told again. */
  again(entry: Unsettled): void {
    this.#again.push(entry)
  }

  /**
   * One has to be told again, as the ledger can do nothing for its account: no other one of that
   * account is told in this round.
   */
  unavailable(entry: Unsettled): void {
    this.#unavailable.add(entry.account)
    this.#again.push(entry)
  }

  /** Puts back those that were not taken. */
  end(): void {
    for (const entry of this.#skipped.splice(0)) this.#waiting.add(entry)
    for (const entry of this.#again.splice(0)) this.#waiting.add(entry)
  }
}
