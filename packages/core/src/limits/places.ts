import type { Exchange } from '../exchange.js'
import type { Clock, Timer } from '../lib/clock.js'
import type { StoreCalls } from '../stores/store-calls.js'
import type { HeldPlace, LimitStore } from './limit-store.js'

/** How long after a failure places are given back again, in milliseconds. */
const freeAgainMs = 200

/** How many places that could not be given back are remembered. */
const mostUnfreed = 10_000

/**
 * The places that requests of this process hold in a store. Those of requests that run long are held
 * on to: one timer for all, at a third of a lease, and none when nothing runs. Giving back is not
 * waited for; what failed is done again five times a second until the lease would be over by itself.
 */
export class Places {
  readonly #store: LimitStore
  readonly #calls: StoreCalls
  readonly #clock: Clock
  readonly #held = new Map<Exchange, readonly HeldPlace[]>()
  /** Places that could not be given back, and when their lease is over. */
  readonly #unfreed = new Map<HeldPlace, number>()
  #holding: Timer | undefined
  #freeing: Timer | undefined

  constructor(store: LimitStore, calls: StoreCalls, clock: Clock) {
    this.#store = store
    this.#calls = calls
    this.#clock = clock
  }

  /** A request runs, and holds these places. */
  began(exchange: Exchange, places: readonly HeldPlace[]): void {
    this.#held.set(exchange, places)
    this.#holdLater()
  }

  /** A request is over. */
  ended(exchange: Exchange): void {
    const places = this.#held.get(exchange)
    if (places === undefined) return
    this.#held.delete(exchange)
    if (this.#held.size === 0) {
      this.#holding?.cancel()
      this.#holding = undefined
    }
    this.free(places)
  }

  /** Gives places back that no request holds. */
  free(places: readonly HeldPlace[]): void {
    void this.#free(places)
  }

  async #free(places: readonly HeldPlace[]): Promise<void> {
    const isDone = await this.#calls.attempt(() => this.#store.free(places))
    for (const place of places) {
      if (isDone) this.#unfreed.delete(place)
      else this.#keepUnfreed(place)
    }
    if (this.#unfreed.size > 0) return
    this.#freeing?.cancel()
    this.#freeing = undefined
  }

  #holdLater(): void {
    this.#holding ??= this.#clock.after(this.#store.leaseMs / 3, () => {
      this.#holding = undefined
      const places = [...this.#held.values()].flat()
      if (places.length === 0) return
      // What is not held on to this time has another two.
      void this.#calls.attempt(() => this.#store.hold(places))
      this.#holdLater()
    })
  }

  #keepUnfreed(place: HeldPlace): void {
    if (this.#unfreed.has(place) || this.#unfreed.size >= mostUnfreed) return
    this.#unfreed.set(place, this.#clock.monotonicMs() + this.#store.leaseMs)
    this.#freeLater()
  }

  #freeLater(): void {
    this.#freeing ??= this.#clock.after(freeAgainMs, () => {
      this.#freeing = undefined
      const nowMs = this.#clock.monotonicMs()
      for (const [place, overMs] of this.#unfreed) {
        if (overMs <= nowMs) this.#unfreed.delete(place)
      }
      if (this.#unfreed.size === 0) return
      this.free([...this.#unfreed.keys()])
      this.#freeLater()
    })
  }
}
