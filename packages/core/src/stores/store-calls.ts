import type { Clock } from '../lib/clock.js'
import { isPromise } from '../lib/when-done.js'
import { Breaker } from './breaker.js'
import { withDeadline } from './deadline.js'
import { isFailureForAll, StoreDeadlineError, StoreUnavailableError } from './store-errors.js'

/** That a store is left alone from now on, or answers again. */
export interface StoreChange {
  readonly state: 'opened' | 'closed'
  /** The failure that opened it. */
  readonly cause: unknown
}

/** How a store is doing, as far as calls have shown. */
export interface StoreHealth {
  /** What is kept there: `keys`, `ledger` or `limits`. */
  readonly name: string
  /** Whether it failed several times in a row, and is not asked but by one call a second. */
  readonly isOpen: boolean
  /** Whether the last call failed. */
  readonly isFailing: boolean
  /** Calls `listener` when the breaker opens or closes. */
  onChange(listener: (change: StoreChange) => void): void
}

/**
 * The calls to one store. One that must be waited for has a deadline; after five failures in a row
 * calls fail at once, but for one a second that tries whether the store is back. An answer that is
 * there at once is handed on as it is.
 */
export class StoreCalls implements StoreHealth {
  readonly name: string
  readonly #deadlineMs: number
  readonly #clock: Clock
  readonly #breaker = new Breaker()
  readonly #listeners: ((change: StoreChange) => void)[] = []
  #isFailing = false
  #lastFailure: unknown

  constructor(name: string, deadlineMs: number, clock: Clock) {
    this.name = name
    this.#deadlineMs = deadlineMs
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#breaker.isOpen
  }

  get isFailing(): boolean {
    return this.#isFailing
  }

  onChange(listener: (change: StoreChange) => void): void {
    this.#listeners.push(listener)
  }

  /**
   * Asks the store.
   *
   * @throws StoreUnavailableError when it is not asked; rejects with a StoreDeadlineError when it
   *   does not answer in time. What the store throws is passed on
   */
  run<T>(work: () => T | Promise<T>): T | Promise<T> {
    if (this.#breaker.isOpen && !this.#breaker.admits(this.#clock.monotonicMs())) {
      throw new StoreUnavailableError(this.name, this.#lastFailure)
    }
    let answer: T | Promise<T>
    try {
      answer = work()
    } catch (error) {
      // Whoever fails at once keeps nobody waiting, so the breaker has nothing to save.
      if (isFailureForAll(error)) this.#isFailing = true
      else this.#answered()
      throw error
    }
    if (isPromise(answer)) return this.#wait(answer)
    this.#answered()
    return answer
  }

  /**
   * Asks the store for what nothing waits for and no failure makes worse.
   *
   * @returns whether the store did it. Never throws nor rejects
   */
  async attempt(work: () => unknown): Promise<boolean> {
    try {
      await this.run(work)
      return true
    } catch {
      return false
    }
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await withDeadline(
        answer,
        this.#deadlineMs,
        this.#clock,
        () => new StoreDeadlineError(this.name, this.#deadlineMs),
      )
      this.#answered()
      return value
    } catch (error) {
      if (isFailureForAll(error)) this.#failed(error)
      else this.#answered()
      // A pool that had to connect again answers too late at first, and in time when asked once more.
      if (error instanceof StoreDeadlineError) answer.then(() => this.#answeredLate(), noWorse)
      throw error
    }
  }

  #answeredLate(): void {
    this.#breaker.answeredLate(this.#clock.monotonicMs())
  }

  #answered(): void {
    this.#isFailing = false
    if (this.#breaker.succeeded()) this.#tell({ state: 'closed', cause: this.#lastFailure })
  }

  #failed(error: unknown): void {
    this.#isFailing = true
    this.#lastFailure = error
    if (this.#breaker.failed(this.#clock.monotonicMs())) {
      this.#tell({ state: 'opened', cause: error })
    }
  }

  #tell(change: StoreChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** It failed before, by not answering in time. */
function noWorse(): void {}
