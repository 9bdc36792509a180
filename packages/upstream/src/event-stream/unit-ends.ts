const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const byteOrderMark = [0xef, 0xbb, 0xbf]
/** The rest of a line that is longer is not read byte by byte. */
const longLineBytes = 4_096

/**
 * Finds where the units of an event stream end, in chunks cut anywhere. A unit is an event with the
 * blank line behind it, a comment that stands before an event, or a blank line. Lines end in LF, CR or
 * CR LF; a byte order mark at the start belongs to no line.
 */
export class UnitEnds {
  /** How many bytes the line has so far. */
  #line = 0
  /** Whether the unit has a whole line already. */
  #hasLine = false
  #isComment = false
  #afterCarriageReturn = false
  #marksLeft = byteOrderMark.length
  #isOtherHalf = false

  /** Whether the unit that was found last is but the LF of a CR that ended the one before. */
  get isOtherHalf(): boolean {
    return this.#isOtherHalf
  }

  /** Whether the unit begins with the next byte. */
  get isAtStart(): boolean {
    return this.#line === 0 && !this.#hasLine
  }

  /** Takes note of a unit that somebody else saw was whole, and ended in a line feed. */
  passedWhole(): void {
    this.#afterCarriageReturn = false
    this.#marksLeft = 0
  }

  /** Where the unit ends that goes on at `from`: behind its last byte; -1 when not in this chunk. */
  next(chunk: Buffer, from: number): number {
    this.#isOtherHalf = false
    for (let index = from; index < chunk.length; index++) {
      const byte = chunk[index]
      if (byte === lineFeed && this.#afterCarriageReturn) {
        this.#afterCarriageReturn = false
        if (!this.isAtStart) continue
        this.#isOtherHalf = true
        return index + 1
      }
      this.#afterCarriageReturn = byte === carriageReturn
      if (byte !== lineFeed && byte !== carriageReturn) {
        this.#readInLine(byte)
        if (this.#line > longLineBytes) index = lastOfLine(chunk, index)
        continue
      }
      const isEnd = this.#line === 0 || (this.#isComment && !this.#hasLine)
      this.#line = 0
      this.#hasLine = !isEnd
      if (!isEnd) continue
      if (byte === carriageReturn && chunk[index + 1] === lineFeed) {
        this.#afterCarriageReturn = false
        return index + 2
      }
      return index + 1
    }
    return -1
  }

  #readInLine(byte: number | undefined): void {
    if (this.#marksLeft > 0) {
      if (byte === byteOrderMark[byteOrderMark.length - this.#marksLeft]) {
        this.#marksLeft--
        return
      }
      this.#marksLeft = 0
    }
    if (this.isAtStart) this.#isComment = byte === colon
    this.#line++
  }
}

/** Where the line has its last byte of this chunk. */
function lastOfLine(chunk: Buffer, from: number): number {
  const end = chunk.indexOf(lineFeed, from)
  const last = end === -1 ? chunk.length : end
  const carriage = chunk.subarray(from, last).indexOf(carriageReturn)
  return (carriage === -1 ? last : from + carriage) - 1
}
