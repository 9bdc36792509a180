import { BackOff } from '../lib/back-off.js'
import type { Clock, Timer } from '../lib/clock.js'
import { isPromise } from '../lib/when-done.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure } from '../stores/store-errors.js'
import { ExpiryQueue } from './expiry-queue.js'
import type { RunningHold } from './hold.js'
import type { Ledger } from './ledger.js'

/** What an Extender stands on. */
export interface ExtenderParts {
  readonly ledger: Ledger
  readonly calls: StoreCalls
  readonly clock: Clock
  readonly ttlMs: number
}

/**
 * How many the ledger is asked to extend at a time. Hundreds at once would queue before a store, and
 * those at the end of the queue, and requests behind them, would miss its deadline.
 */
const mostUnderWay = 16

/**
 * Extends the reservations of requests that run, each when a third of its time is over: the soonest
 * to expire first, and only some at a time, so that the others have the rest of their time to wait
 * for their turn. What the ledger did not take is repeated until it does.
 *
 * There is one timer for all of them, and none when nothing runs.
 */
export class Extender {
  readonly #parts: ExtenderParts
  /** Those whose turn is to come. */
  readonly #waiting = new ExpiryQueue<RunningHold>()
  /** Those the ledger is being asked for. */
  readonly #underWay = new Set<RunningHold>()
  /** Those that were not extended, until they are repeated. */
  readonly #failed = new Set<RunningHold>()
  /** How many were not extended when it was tried last. */
  #failing = 0
  readonly #backOff = new BackOff()
  #timer: Timer | undefined
  #repeating: Timer | undefined

  constructor(parts: ExtenderParts) {
    this.#parts = parts
  }

  /** A request runs whose reservation was made just now. */
  began(held: RunningHold): void {
    const { clock, ttlMs } = this.#parts
    held.expiresAtMs = clock.monotonicMs() + ttlMs
    this.#waiting.add(held)
    // Whatever is under way looks after the others when it is done.
    if (this.#timer === undefined && this.#underWay.size === 0) this.#waitFor(ttlMs / 3)
  }

  /** A request is over that had begun. */
  ended(held: RunningHold): void {
    if (held.isNotExtended) this.#failing--
    if (!this.#failed.delete(held) && !this.#underWay.has(held)) this.#waiting.remove(held)
    if (this.#waiting.first === undefined) {
      this.#timer?.cancel()
      this.#timer = undefined
    }
    if (this.#failed.size === 0) {
      this.#repeating?.cancel()
      this.#repeating = undefined
    }
  }

  #waitFor(delayMs: number): void {
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#extendDue()
    })
  }

  /** Extends those whose time has come, as many as may be under way, and waits for the next one's. */
  #extendDue(): void {
    const { clock, ttlMs } = this.#parts
    const nowMs = clock.monotonicMs()
    while (this.#underWay.size < mostUnderWay) {
      const next = this.#waiting.first
      if (next === undefined) return
      const waitMs = next.expiresAtMs - nowMs - (2 * ttlMs) / 3
      if (waitMs > 0) {
        // Not less than what brings a clock on.
        if (this.#timer === undefined) this.#waitFor(Math.max(1, waitMs))
        return
      }
      this.#waiting.remove(next)
      this.#extend(next, nowMs)
    }
  }

  #extend(held: RunningHold, nowMs: number): void {
    const { ledger, calls, ttlMs } = this.#parts
    const { id } = held.request
    try {
      const extended = calls.run(() => ledger.extend(id, ttlMs))
      if (isPromise(extended)) void this.#wait(held, nowMs, extended)
      else this.#extended(held, nowMs)
    } catch (error) {
      this.#notExtended(held, nowMs, error)
    }
  }

  async #wait(held: RunningHold, askedMs: number, extended: Promise<unknown>): Promise<void> {
    this.#underWay.add(held)
    try {
      await extended
      this.#underWay.delete(held)
      this.#extended(held, askedMs)
    } catch (error) {
      this.#underWay.delete(held)
      this.#notExtended(held, askedMs, error)
    } finally {
      this.#extendDue()
    }
  }

  /** @param askedMs when the ledger was asked: its own time begins no sooner */
  #extended(held: RunningHold, askedMs: number): void {
    if (!held.isRunning) return
    if (held.isNotExtended) {
      held.isNotExtended = false
      if (--this.#failing === 0) this.#backOff.reset()
    }
    held.expiresAtMs = askedMs + this.#parts.ttlMs
    this.#waiting.add(held)
  }

  #notExtended(held: RunningHold, askedMs: number, error: unknown): void {
    if (!held.isRunning) return
    const isNews = !held.isNotExtended
    // What was refused gains nothing by being asked for again at once.
    if (isStoreFailure(error)) this.#repeat(held)
    else this.#extended(held, askedMs)
    if (isNews) held.exchange.report('a reservation was not extended', error)
  }

  #repeat(held: RunningHold): void {
    if (!held.isNotExtended) this.#failing++
    held.isNotExtended = true
    this.#failed.add(held)
    this.#repeating ??= this.#parts.clock.after(this.#pauseMs(), () => {
      this.#repeating = undefined
      for (const failed of this.#failed) this.#waiting.add(failed)
      this.#failed.clear()
      this.#extendDue()
    })
  }

  /** Short enough for several tries in the two thirds of its time that a reservation has left. */
  #pauseMs(): number {
    return Math.min(this.#backOff.next(), this.#parts.ttlMs / 6)
  }
}
