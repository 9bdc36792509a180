import type { MicroRate } from './micro-rate.js'

/** Where a bucket stands, as far as it can be told from the time until it is full. */
export class BucketState {
  readonly #rate: MicroRate
  readonly #missingMicros: number

  constructor(rate: MicroRate, missingMicros: number) {
    this.#rate = rate
    this.#missingMicros = missingMicros
  }

  /** The whole tokens that would pass at once; 0 while there is a debt. */
  get remaining(): number {
    return Math.min(Math.max(this.#whole, 0), this.#rate.burst)
  }

  /** The whole tokens that are missing, a debt included. */
  get consumed(): number {
    return Math.max(this.#rate.burst - this.#whole, 0)
  }

  /** Milliseconds until the bucket is full; Infinity when it is blocked for ever. */
  get fullInMs(): number {
    return this.#missingMicros / 1000
  }

  /**
   * Milliseconds until so many tokens would pass, to the microsecond; 0 when they would now,
   * Infinity when the bucket never holds as many, or is blocked for ever.
   */
  waitMs(tokens: number): number {
    const { burst, capacityMicros, microsOf } = this.#rate
    if (tokens > burst) return Infinity
    const overdrawnMicros = this.#missingMicros + microsOf(tokens) - capacityMicros
    if (overdrawnMicros <= toleranceMicros) return 0
    // Half of the tolerance makes up for the rounding of the times in between.
    return Math.ceil(overdrawnMicros - toleranceMicros / 2) / 1000
  }

  get #whole(): number {
    const thereMicros = this.#rate.capacityMicros - this.#missingMicros
    return Math.floor((thereMicros + toleranceMicros) / this.#rate.microsOf(1))
  }
}

/** A request passes that is early by no more than this, in the scripts as here. */
const toleranceMicros = 0.5
