/** Finds the next of two bytes in a piece. A piece is searched once for each, from its start to its end. */
export class ByteFinder {
  readonly #piece: Buffer
  readonly #one: number
  readonly #other: number
  #nextOne = -1
  #nextOther = -1

  constructor(piece: Buffer, one: number, other: number) {
    this.#piece = piece
    this.#one = one
    this.#other = other
  }

  /** Where the first of either is from an index on, which never goes back; the length when nowhere. */
  next(from: number): number {
    if (this.#nextOne < from) this.#nextOne = this.#find(this.#one, from)
    if (this.#nextOther < from) this.#nextOther = this.#find(this.#other, from)
    return Math.min(this.#nextOne, this.#nextOther)
  }

  #find(byte: number, from: number): number {
    const found = this.#piece.indexOf(byte, from)
    return found === -1 ? this.#piece.length : found
  }
}
