/** Calls whose client has left, and that are read to their end. */
export class Drains {
  readonly #atMost: number
  readonly forMs: number
  #running = 0

  /** @param forMs how long each of them may take */
  constructor(atMost: number, forMs: number) {
    this.#atMost = atMost
    this.forMs = forMs
  }

  /** Whether there is room for another one, which is then counted until it has ended. */
  begin(): boolean {
    if (this.#running >= this.#atMost) return false
    this.#running++
    return true
  }

  /** One has ended. */
  end(): void {
    this.#running--
  }
}
