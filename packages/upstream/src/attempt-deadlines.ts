import type { Clock } from '@lazu/core'
import { Deadlines, type Phase, type TimeLimits } from './deadlines.js'

/** The limits of one attempt, and who is told that one of them is over. */
export interface AttemptLimits {
  readonly ofChannel: TimeLimits
  /** Of the request, those that begin anew with each attempt. */
  readonly ofRequest: TimeLimits | undefined
  channelExpired(phase: Phase, ms: number): void
  requestExpired(phase: Phase, ms: number): void
}

/** The timers of one attempt: those of its channel, and those its request was given. */
export class AttemptDeadlines {
  readonly #ofRequest: Deadlines | undefined
  readonly #ofChannel: Deadlines

  constructor(clock: Clock, limits: AttemptLimits) {
    // The request's first: where both are the same, no other channel would have time left.
    if (limits.ofRequest !== undefined) {
      this.#ofRequest = new Deadlines(clock, limits.ofRequest, (phase, ms) => {
        limits.requestExpired(phase, ms)
      })
    }
    this.#ofChannel = new Deadlines(clock, limits.ofChannel, (phase, ms) => {
      limits.channelExpired(phase, ms)
    })
  }

  /** There is a connection. */
  connected(): void {
    this.#ofRequest?.connected()
    this.#ofChannel.connected()
  }

  /** A chunk of the body has come. */
  received(): void {
    this.#ofRequest?.received()
    this.#ofChannel.received()
  }

  /** The client has enough for now. */
  pause(): void {
    this.#ofRequest?.pause()
    this.#ofChannel.pause()
  }

  /** The client takes more. */
  resume(): void {
    this.#ofRequest?.resume()
    this.#ofChannel.resume()
  }

  /** The attempt is over. */
  cancel(): void {
    this.#ofRequest?.cancel()
    this.#ofChannel.cancel()
  }
}
