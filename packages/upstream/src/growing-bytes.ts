const firstCapacity = 1_024
const none = Buffer.alloc(0)

/** Bytes that come in pieces, in one buffer: many small pieces keep none of the buffers they came in. */
export class GrowingBytes {
  #bytes = none
  #length = 0

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  /** Adds a copy of a piece. */
  push(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (length > this.#bytes.length) this.#grow(length)
    this.#bytes.set(piece, this.#length)
    this.#length = length
  }

  /** Gives all there is, and is empty. */
  take(): Buffer {
    if (this.#length === 0) return none
    const bytes = this.#bytes.subarray(0, this.#length)
    this.#bytes = none
    this.#length = 0
    return bytes
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(firstCapacity, this.#bytes.length * 2, length))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
