import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { isBusy } from './failures.js'

const longestPauseMs = 10

/** A step that found the file locked. */
interface Waiting {
  /** Tries it. Throws SQLite's error while the file is still locked. */
  attempt(): void
  fail(error: unknown): void
  readonly untilMs: number
}

/**
 * The steps that wait until another process has done writing, in the order they came. Only the first
 * one asks for the lock; the others would only keep the event loop busy.
 */
export class BusyQueue {
  readonly #timeoutMs: number
  #waiting: Waiting[] = []
  #serving: Promise<void> = Promise.resolve()

  /** @param timeoutMs how long a step waits at most, in milliseconds */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Tries a step until it is done, fails for another reason, or has waited long enough. */
  add<T>(step: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        attempt: () => resolve(step()),
        fail: reject,
        untilMs: performance.now() + this.#timeoutMs,
      })
      if (this.#waiting.length === 1) this.#serving = this.#serve()
    })
  }

  /** Resolves when nothing waits any more. */
  async emptied(): Promise<void> {
    while (!this.isEmpty) await this.#serving
  }

  async #serve(): Promise<void> {
    let first = this.#waiting[0]
    // Different pauses, lest all processes that wait come back at once.
    await delay(Math.random() * longestPauseMs)
    while (first !== undefined) {
      const busy = attemptOf(first)
      if (busy === undefined) {
        this.#waiting.shift()
        await nextTurn()
      } else if (!this.#giveUp(busy)) {
        await delay(Math.random() * longestPauseMs)
      }
      first = this.#waiting[0]
    }
  }

  /** Ends those that have waited long enough. Whether there was one. */
  #giveUp(busy: unknown): boolean {
    const nowMs = performance.now()
    const overdue = this.#waiting.filter(({ untilMs }) => untilMs <= nowMs)
    this.#waiting.splice(0, overdue.length)
    for (const waiting of overdue) waiting.fail(busy)
    return overdue.length > 0
  }
}

/** SQLite's error when the file is still locked; undefined when the step has ended. */
function attemptOf(waiting: Waiting): unknown {
  try {
    waiting.attempt()
  } catch (error) {
    if (isBusy(error)) return error
    waiting.fail(error)
  }
  return undefined
}
