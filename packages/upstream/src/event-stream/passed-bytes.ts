/** What of a chunk may be passed on, with what was held back before. */
export class PassedBytes {
  readonly #chunk: Buffer
  readonly #parts: Buffer[] = []
  #from = 0
  #to = 0

  constructor(chunk: Buffer) {
    this.#chunk = chunk
  }

  /** Adds a part of the chunk, behind all that was added before. */
  addPart(from: number, to: number): void {
    if (from !== this.#to) {
      this.#endPart()
      this.#from = from
    }
    this.#to = to
  }

  /** Adds bytes that came before this chunk, up to where it goes on. */
  addHeld(bytes: Buffer, goesOnAt: number): void {
    this.#endPart()
    this.#parts.push(bytes)
    this.#from = goesOnAt
    this.#to = goesOnAt
  }

  /** All of it; the very chunk when all of that is passed on and nothing else. */
  join(): Buffer | undefined {
    this.#endPart()
    return this.#parts.length > 1 ? Buffer.concat(this.#parts) : this.#parts[0]
  }

  #endPart(): void {
    if (this.#to > this.#from) {
      const isAll = this.#from === 0 && this.#to === this.#chunk.length
      this.#parts.push(isAll ? this.#chunk : this.#chunk.subarray(this.#from, this.#to))
    }
    this.#from = this.#to
  }
}
