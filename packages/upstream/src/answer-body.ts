import { GatewayError, type Dialect } from '@lazu/core'
import { GrowingBytes } from './growing-bytes.js'
import { errorAnswer } from './told-failure.js'

/** An answer in JSON, as it came and as it reads. */
export interface JsonAnswer {
  readonly bytes: Buffer
  readonly value: unknown
}

/** An answer in JSON that is read whole before any of it is passed on. */
export class AnswerBody {
  readonly #maxBytes: number
  readonly #dialect: Dialect
  readonly #bytes = new GrowingBytes()

  /** @param options `maxBytes`: the most an answer may have; `dialect`: the request's */
  constructor(options: { readonly maxBytes: number; readonly dialect: Dialect }) {
    this.#maxBytes = options.maxBytes
    this.#dialect = options.dialect
  }

  /**
   * Takes the next chunk. None of it may go to the client yet.
   *
   * @throws GatewayError `upstream_bad_response` when the answer is too large
   */
  push(chunk: Uint8Array): undefined {
    if (this.#bytes.length + chunk.length > this.#maxBytes) {
      throw badBody(`the answer has more than ${this.#maxBytes} bytes`)
    }
    this.#bytes.push(chunk)
  }

  /**
   * Reads the whole.
   *
   * @throws GatewayError `upstream_empty_response` when there is nothing in it,
   *   `upstream_bad_response` when it is not JSON, and what it says itself when it tells an error
   */
  end(): JsonAnswer {
    const bytes = this.#bytes.take()
    const text = bytes.toString().replace(/^\uFEFF/, '')
    if (text.trim() === '') throw new GatewayError('upstream_empty_response')
    const value = parsed(text)
    const failure = errorAnswer(value, this.#dialect)
    if (failure !== undefined) throw failure
    return { bytes, value }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not the parser's error as the cause: it quotes the text.
    throw badBody('the answer is not JSON')
  }
}

function badBody(cause: string): GatewayError {
  return new GatewayError('upstream_bad_response', { cause: new Error(cause) })
}
