import type { Exchange } from '../exchange.js'
import { isPromise } from '../lib/when-done.js'
import type { Outstanding } from '../stores/stores.js'
import { isStoreFailure, mayBeDone } from '../stores/store-errors.js'
import type { Due, Hold } from './hold.js'
import type { Settled } from './ledger.js'
import { Unsettled } from './unsettled.js'
import { UnsettledQueue, type UnsettledQueueParts } from './unsettled-queue.js'

/** What Settlements stand on. */
export type SettlementsParts = Omit<UnsettledQueueParts, 'landed' | 'empty'>

/**
 * Ends reservations. What the ledger does not take at once is kept and repeated until it does, which
 * holds up nobody.
 */
export class Settlements implements Outstanding {
  readonly #parts: SettlementsParts
  readonly #queue: UnsettledQueue
  readonly #whenDrained: (() => void)[] = []
  /** How many were told to the ledger for the first time, and have no answer yet. */
  #told = 0

  constructor(parts: SettlementsParts) {
    this.#parts = parts
    this.#queue = new UnsettledQueue({
      ...parts,
      landed: ({ facts, reserved, model }, end) => {
        if (end !== undefined && reserved !== undefined) {
          parts.events?.emit('settled', { ...facts, ...end, reserved, model })
        }
      },
      empty: () => this.#checkDrained(),
    })
  }

  get size(): number {
    return this.#queue.size
  }

  async drained(): Promise<void> {
    if (this.size + this.#told === 0) return
    // Timers of a clock hold no process open, and what waits here must not go with it.
    const staysOpen = setInterval(() => {}, 60_000)
    await new Promise<void>((resolve) => void this.#whenDrained.push(resolve))
    clearInterval(staysOpen)
  }

  /** Ends what is held for a request. Never throws. */
  end(exchange: Exchange, held: Hold, due: Due | undefined): void {
    if (held.reserved === undefined) {
      if (due !== undefined) this.#keep(exchange, held, due)
      else this.releaseUnknown(exchange, held)
      return
    }
    const { ledger, calls } = this.#parts
    const { id } = held.request
    try {
      const ended = calls.run(() =>
        due === undefined ? ledger.release(id) : ledger.settle(id, due.amount, due.tokens),
      )
      if (isPromise(ended)) void this.#wait(exchange, held, due, ended)
      else this.#ended(exchange, held, due, ended)
    } catch (error) {
      this.#failed(exchange, held, due, error)
    }
  }

  /**
   * Releases what may be reserved all the same. The ledger may be told of it before it does what it
   * was asked first, so it is told again after that.
   */
  releaseUnknown(exchange: Exchange, held: Hold): void {
    if (!held.mayBeReserved) return
    const release = (): void => this.#keep(exchange, held, undefined)
    release()
    held.late?.then(release, release)
  }

  /** Keeps for later how a request is to end. */
  #keep(exchange: Exchange, held: Hold, due: Due | undefined): void {
    this.#queue.add(new Unsettled(exchange.facts(), held, due))
  }

  async #wait(
    exchange: Exchange,
    held: Hold,
    due: Due | undefined,
    ended: Promise<Settled | undefined>,
  ): Promise<void> {
    this.#told++
    try {
      this.#ended(exchange, held, due, await ended)
    } catch (error) {
      this.#failed(exchange, held, due, error)
    } finally {
      this.#told--
      this.#checkDrained()
    }
  }

  #ended(exchange: Exchange, held: Hold, due: Due | undefined, end: Settled | undefined): void {
    if (due !== undefined && due.amount > 0 && (end === undefined || end.ended === 'expired')) {
      // The ledger could not be reached while the request ran, or has forgotten what it held.
      const entry = new Unsettled(exchange.facts(), held, due)
      if (end === undefined) entry.needsReserve = true
      else entry.renew()
      this.#queue.add(entry)
      return
    }
    const { events } = this.#parts
    if (end === undefined || held.reserved === undefined || events?.has('settled') !== true) return
    const { reserved, request } = held
    events.emit('settled', { ...exchange.facts(), ...end, reserved, model: request.model })
  }

  #failed(exchange: Exchange, held: Hold, due: Due | undefined, error: unknown): void {
    exchange.report('a reservation was not ended', error)
    const entry = new Unsettled(exchange.facts(), held, due)
    if (isStoreFailure(error)) {
      entry.maybeSettled = due !== undefined && mayBeDone(error)
      this.#queue.add(entry)
    } else this.#queue.giveUp(entry, error)
  }

  #checkDrained(): void {
    if (this.size + this.#told > 0) return
    for (const resolve of this.#whenDrained.splice(0)) resolve()
  }
}
