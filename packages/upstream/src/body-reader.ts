import type { Dialect, Protocol } from '@lazu/core'
import { AnswerBody, type JsonAnswer } from './answer-body.js'
import type { BodyKind } from './content-type.js'
import { createDecompressor, type Decompressor } from './decompress.js'
import { createEventReader, type EventReader } from './event-stream/event-reader.js'

/** What is known of a body beforehand. */
export interface BodyOptions {
  readonly kind: BodyKind
  readonly protocol: Protocol
  /** The endpoint of the request. */
  readonly path: string
  /** The client's: it says whose fault a 400 is. */
  readonly dialect: Dialect
  readonly maxBytes: number
  /** Whether the usage of a stream is not for the client. */
  readonly hidesUsage: boolean
}

/** Who is told what comes of a body. */
export interface BodyReceiver {
  /** What may go to the client. */
  pass(chunk: Buffer): void
  /** The body is complete, and was JSON. */
  whole(answer: JsonAnswer): void
  /** The body is complete, and was passed on. */
  end(): void
  /**
   * The body is wrong.
   *
   * @param unsent what stood before the wrong part, and may still go to a client that has had some of it
   */
  broke(error: unknown, unsent?: Buffer): void
}

/** Reads the body of an answer: JSON whole, a stream event by event, anything else as it comes. */
export class BodyReader {
  readonly #to: BodyReceiver
  readonly #json: AnswerBody | undefined
  readonly #events: EventReader | undefined
  #decompressor: Decompressor | undefined

  constructor(options: BodyOptions, to: BodyReceiver) {
    const { kind, dialect, maxBytes } = options
    this.#to = to
    this.#json = kind === 'json' ? new AnswerBody({ maxBytes, dialect }) : undefined
    this.#events = kind === 'events' ? createEventReader(options) : undefined
  }

  /** What a stream has used so far. */
  get used(): Partial<Pick<EventReader, 'usage' | 'outputBytes'>> {
    return this.#events ?? {}
  }

  /** Takes the body out of a coding first. False for one that nobody knows. */
  decompress(coding: string): boolean {
    this.#decompressor = createDecompressor(coding, {
      onChunk: (chunk) => this.#take(chunk),
      onEnd: () => this.#finish(),
      onError: (error) => this.#to.broke(error),
    })
    return this.#decompressor !== undefined
  }

  /** Takes the next chunk. */
  push(chunk: Buffer): void {
    if (this.#decompressor === undefined) this.#take(chunk)
    else this.#decompressor.push(chunk)
  }

  /** Takes the end. */
  end(): void {
    if (this.#decompressor === undefined) this.#finish()
    else this.#decompressor.end()
  }

  /** Nothing more is to be passed on for now. */
  pause(): void {
    this.#decompressor?.pause()
  }

  /** Goes on. */
  resume(): void {
    this.#decompressor?.resume()
  }

  /** Nobody wants the rest. */
  destroy(): void {
    this.#decompressor?.destroy()
  }

  /** Every chunk goes through here: one look, one write. */
  #take(chunk: Buffer): void {
    let out: Buffer | undefined = chunk
    try {
      if (this.#events !== undefined) out = this.#events.push(chunk)
      else if (this.#json !== undefined) out = this.#json.push(chunk)
    } catch (error) {
      this.#to.broke(error, this.#events?.unsent)
      return
    }
    if (out !== undefined) this.#to.pass(out)
  }

  #finish(): void {
    let answer: JsonAnswer | undefined
    try {
      const rest = this.#events?.end()
      if (rest !== undefined) this.#to.pass(rest)
      answer = this.#json?.end()
    } catch (error) {
      this.#to.broke(error)
      return
    }
    if (answer === undefined) this.#to.end()
    else this.#to.whole(answer)
  }
}
