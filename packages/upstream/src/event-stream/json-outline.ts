import { ByteFinder } from './byte-finder.js'

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
const space = 0x20

/** Objects and lists inside so many others are left out. */
const mostDepth = 4
/** A text with more bytes is left out. */
const mostTextBytes = 256
/** No more of an outline is kept. */
const mostBytes = 131_072

/**
 * What stands on the upper levels of a JSON document that is too long to be kept: long texts are three
 * dots in it, and what is nested deeply is null. It takes the document in pieces and holds little of it.
 */
export class JsonOutline {
  #outline = ''
  /** What must be closed, the innermost last. */
  #open = ''
  /** How much of the outline is JSON once what is open there has been closed. */
  #wholeLength = 0
  #wholeOpen = ''
  #depth = 0
  #text: string | undefined
  #isInText = false
  #isEscaped = false
  #isFull = false

  /** Whether some of the outline is missing, as it is too long itself. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Takes the next piece of the document. */
  push(piece: Buffer): void {
    const finder = new ByteFinder(piece, quote, backslash)
    for (let index = 0; index < piece.length; index++) {
      // The rest of a text that is left out is not read byte by byte.
      if (this.#isInLongText) index = finder.next(index)
      const byte = piece[index]
      if (byte === undefined) return
      if (this.#isInText) this.#pushInText(byte)
      else if (byte > space) this.#pushOutside(byte)
    }
  }

  /** Parses what is there so far, as if the document ended after its last whole member. */
  soFar(): unknown {
    if (this.#wholeLength === 0) return undefined
    return parsed(this.#outline.slice(0, this.#wholeLength) + closing(this.#wholeOpen))
  }

  /** Parses the whole; undefined when it is not JSON, or the document has not ended. */
  whole(): unknown {
    return this.#isFull ? undefined : parsed(this.#outline)
  }

  #pushInText(byte: number): void {
    if (!this.#isEscaped && byte === quote) {
      this.#isInText = false
      this.#keep(`"${this.#text ?? '...'}"`)
      return
    }
    this.#isEscaped = !this.#isEscaped && byte === backslash
    if (this.#text === undefined) return
    const isKept = !this.#isTooDeep && this.#text.length < mostTextBytes
    this.#text = isKept ? this.#text + char(byte) : undefined
  }

  #pushOutside(byte: number): void {
    switch (byte) {
      case quote:
        this.#isInText = true
        this.#text = ''
        return
      case openBrace:
      case openBracket:
        this.#depth++
        if (this.#depth === mostDepth + 1) this.#add('null')
        this.#keep(char(byte))
        if (!this.#isTooDeep) this.#open += char(byte)
        return
      case closeBrace:
      case closeBracket:
        this.#keep(char(byte))
        if (!this.#isTooDeep) this.#open = this.#open.slice(0, -1)
        this.#depth--
        this.#noteWhole()
        return
      case comma:
        this.#noteWhole()
    }
    this.#keep(char(byte))
  }

  get #isInLongText(): boolean {
    return this.#isInText && this.#text === undefined && !this.#isEscaped
  }

  get #isTooDeep(): boolean {
    return this.#depth > mostDepth
  }

  #noteWhole(): void {
    if (this.#isTooDeep || this.#isFull) return
    this.#wholeLength = this.#outline.length
    this.#wholeOpen = this.#open
  }

  #keep(part: string): void {
    if (!this.#isTooDeep) this.#add(part)
  }

  #add(part: string): void {
    if (this.#outline.length + part.length > mostBytes) this.#isFull = true
    if (!this.#isFull) this.#outline += part
  }
}

function char(byte: number): string {
  return String.fromCharCode(byte)
}

function closing(open: string): string {
  let close = ''
  for (const bracket of open) close = (bracket === '{' ? '}' : ']') + close
  return close
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
