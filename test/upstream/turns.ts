import { chunk, lastChunk, sseHead, type UpstreamStep } from '@lazu/testkit'

/** An event stream that goes on only when its reader has seen what was sent before. */
export class SteppedStream {
  readonly #pieces: readonly string[]
  #seen = 0
  #wake: () => void = () => {}

  constructor(pieces: readonly string[]) {
    this.#pieces = pieces
  }

  /** The script of the upstream. */
  readonly step: UpstreamStep = async (call) => {
    await call.write(sseHead())
    let sent = 0
    for (const piece of this.#pieces) {
      await call.write(chunk(piece))
      sent++
      while (this.#seen < sent && !call.isGone) await this.#next()
    }
    await call.write(lastChunk)
  }

  /** The reader has seen the last piece. */
  seen(): void {
    this.#seen++
    this.#wake()
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** The events of a stream, each with the blank line behind it. */
export function eventsOf(stream: string): string[] {
  return stream.match(/[^]*?\r?\n\r?\n/g) ?? []
}
