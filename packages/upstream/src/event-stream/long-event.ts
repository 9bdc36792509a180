import { ByteFinder } from './byte-finder.js'
import { isField } from './event-fields.js'
import { JsonOutline } from './json-outline.js'

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
/** The longest name of an event that is kept. */
const mostNameBytes = 64

/** An event that is too long to be held back until it is whole: what can be known of it in little room. */
export class LongEvent {
  readonly #outline = new JsonOutline()
  #name = ''
  /** The field of the line, once its colon was read; what there is of its name before. */
  #field = ''
  #isInValue = false
  #isComment: boolean | undefined

  /** Whether it is no event, but a comment before one. */
  get isComment(): boolean {
    return this.#isComment === true
  }

  /** What stands in `event`. */
  get name(): string | undefined {
    return this.#name === '' ? undefined : this.#name
  }

  /** Takes the next piece of it. */
  push(piece: Buffer): void {
    if (piece.length > 0) this.#isComment ??= piece[0] === colon
    const lineEnds = new ByteFinder(piece, lineFeed, carriageReturn)
    let index = 0
    while (index < piece.length) {
      const lineEnd = lineEnds.next(index)
      if (!this.#isInValue) index = this.#pushField(piece, index, lineEnd)
      if (this.#isInValue) this.#pushValue(piece.subarray(index, lineEnd))
      if (lineEnd < piece.length) this.#endLine()
      index = lineEnd + 1
    }
  }

  /** Its data as far as it came. */
  dataSoFar(): unknown {
    return this.#outline.soFar()
  }

  /** Its whole data; undefined when that is not JSON. */
  data(): unknown {
    return this.#outline.isFull ? this.#outline.soFar() : this.#outline.whole()
  }

  /** Reads the name of a field, and gives where its value begins. */
  #pushField(piece: Buffer, from: number, lineEnd: number): number {
    const line = piece.subarray(from, lineEnd)
    const end = line.indexOf(colon)
    const name = end === -1 ? line : line.subarray(0, end)
    this.#field += name.toString('latin1', 0, mostNameBytes - this.#field.length)
    if (end !== -1) this.#beginValue()
    return from + name.length + 1
  }

  #pushValue(part: Buffer): void {
    if (this.#field === 'data') this.#outline.push(part)
    if (this.#field !== 'event') return
    const more = part.toString('latin1', 0, mostNameBytes)
    this.#name = (this.#name + more).trimStart().slice(0, mostNameBytes)
  }

  #endLine(): void {
    this.#field = ''
    this.#isInValue = false
  }

  #beginValue(): void {
    this.#isInValue = true
    if (isField(this.#field, 'data')) this.#field = 'data'
    if (!isField(this.#field, 'event')) return
    this.#field = 'event'
    this.#name = ''
  }
}
