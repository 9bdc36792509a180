import { percentile } from '../statistics.js'
import type { Loaded } from './load.js'

/** Keeps how long each answer took. */
export class Times {
  readonly #expected: number
  readonly #startMs = performance.now()
  readonly #tookMs: number[] = []
  #wrong = 0

  /** @param status the one every answer should have */
  constructor(status: number) {
    this.#expected = status
  }

  add(status: number, tookMs: number): void {
    this.#tookMs.push(tookMs)
    if (status !== this.#expected) this.#wrong++
  }

  /**
   * What has come of it until now.
   *
   * @throws Error when there was no answer at all
   */
  sum(): Loaded {
    if (this.#tookMs.length === 0) throw new Error('there was no answer')
    return {
      answers: this.#tookMs.length,
      wrong: this.#wrong,
      seconds: (performance.now() - this.#startMs) / 1000,
      p50Micros: percentile(this.#tookMs, 0.5) * 1000,
      p99Micros: percentile(this.#tookMs, 0.99) * 1000,
    }
  }
}
