import { createBrotliDecompress, createGunzip, createInflate, type Gunzip } from 'node:zlib'
import { GatewayError } from '@lazu/core'

/** No answer that has something to say grows by more. */
const mostGrowth = 100
/** So much may come out before the growth counts. */
const freeBytes = 8 * 1_048_576

/** Who gets what comes out. */
export interface DecompressorEvents {
  onChunk(chunk: Buffer): void
  onEnd(): void
  /**
   * Told `upstream_bad_response` when the bytes are not of the coding or grow too much,
   * `upstream_read_failed` when they stop too early. Nothing is told after it.
   */
  onError(error: GatewayError): void
}

/** Takes a compressed body, chunk by chunk. */
export interface Decompressor {
  /** Takes the next chunk. */
  push(chunk: Uint8Array): void
  /** Takes the end. */
  end(): void
  /** Nothing more comes out, until `resume`. */
  pause(): void
  resume(): void
  /** Nothing comes out any more. */
  destroy(): void
}

/**
 * Makes what decompresses a body; undefined for a coding that it does not know. What comes in must be
 * held back by whoever pauses it: it is kept until it can go on.
 *
 * @param coding of the answer's Content-Encoding: `gzip`, `deflate` or `br`
 */
export function createDecompressor(
  coding: string,
  events: DecompressorEvents,
): Decompressor | undefined {
  switch (coding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return new ZlibDecompressor(createGunzip(), events)
    case 'deflate':
      return new ZlibDecompressor(createInflate(), events)
    case 'br':
      return new ZlibDecompressor(createBrotliDecompress(), events)
  }
  return undefined
}

class ZlibDecompressor implements Decompressor {
  readonly #stream: Gunzip
  #bytesIn = 0
  #bytesOut = 0

  constructor(stream: Gunzip, events: DecompressorEvents) {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.#bytesOut += chunk.length
      if (this.#bytesOut > freeBytes && this.#bytesOut > this.#bytesIn * mostGrowth) {
        stream.destroy()
        events.onError(failure('upstream_bad_response', 'the answer grows too much'))
        return
      }
      events.onChunk(chunk)
    })
    stream.on('end', () => events.onEnd())
    stream.on('error', (error) => {
      const stopsEarly = 'code' in error && error.code === 'Z_BUF_ERROR'
      events.onError(
        stopsEarly
          ? failure('upstream_read_failed', 'the compressed answer stopped before its end')
          : failure('upstream_bad_response', 'the answer cannot be decompressed'),
      )
    })
  }

  push(chunk: Uint8Array): void {
    this.#bytesIn += chunk.length
    this.#stream.write(chunk)
  }

  end(): void {
    this.#stream.end()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  destroy(): void {
    this.#stream.destroy()
  }
}

function failure(
  condition: 'upstream_bad_response' | 'upstream_read_failed',
  cause: string,
): GatewayError {
  return new GatewayError(condition, { cause: new Error(cause) })
}
