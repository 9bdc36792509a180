import type { Events } from '../events.js'
import type { Clock } from '../lib/clock.js'
import { loggedError } from '../lib/logger.js'
import { StoreCalls, type StoreHealth } from './store-calls.js'

/** What a store may say of itself. */
export interface StoreNeeds {
  /** How long one of its answers may take, in milliseconds, when no `storeDeadline` is set. */
  readonly deadlineMs?: number | undefined
}

/** How long a store is waited for that says nothing else, in milliseconds. */
const usualDeadlineMs = 50

/** How long to wait for a store: as was set, else as it says itself, else 50 ms. */
export function deadlineOf(store: object, setMs: number | undefined): number {
  const { deadlineMs }: StoreNeeds = store
  return setMs ?? deadlineMs ?? usualDeadlineMs
}

/** What has still to be told to a store. */
export interface Outstanding {
  /** How many are waiting for the store. */
  readonly size: number
  /** Resolves when nothing is outstanding. */
  drained(): Promise<void>
}

/** How a gateway is doing. */
export interface Readiness {
  /** `degraded` while a store is away or something is unsettled. The gateway answers all the same. */
  readonly status: 'ok' | 'degraded'
  /** The stores that may be waited for, by what is kept there: `keys`, `ledger`, `limits`. */
  readonly stores: Readonly<Record<string, 'ok' | 'degraded'>>
  /** How many charges and releases the ledger has yet to take. */
  readonly unsettled: number
}

/** The stores one gateway stands on. */
export class Stores {
  readonly #clock: Clock
  readonly #events: Events | undefined
  readonly #deadlineMs: number | undefined
  readonly #health: StoreHealth[] = []
  readonly #callsOf = new Map<object, StoreCalls>()
  #outstanding: Outstanding | undefined

  /** @param deadlineMs how long stores are waited for; undefined: as each of them says */
  constructor(clock: Clock, events: Events | undefined, deadlineMs: number | undefined) {
    this.#clock = clock
    this.#events = events
    this.#deadlineMs = deadlineMs
  }

  /** The calls to a store. It has one breaker, however often it is used. */
  callsOf(name: string, store: object): StoreCalls {
    const known = this.#callsOf.get(store)
    if (known !== undefined) return known
    const calls = new StoreCalls(name, deadlineOf(store, this.#deadlineMs), this.#clock)
    this.#callsOf.set(store, calls)
    this.watch(calls)
    return calls
  }

  /** Tells what becomes of a store. */
  watch(health: StoreHealth): void {
    this.#health.push(health)
    const events = this.#events
    if (events === undefined) return
    health.onChange(({ state, cause }) => {
      if (!events.has('degraded')) return
      events.emit('degraded', { store: health.name, state, cause: loggedError(cause) })
    })
  }

  /** Takes what is outstanding into account. */
  settles(outstanding: Outstanding): void {
    this.#outstanding = outstanding
  }

  /** How the stores are doing. Asks none of them. */
  readiness(): Readiness {
    const stores: Record<string, 'ok' | 'degraded'> = {}
    const unsettled = this.#outstanding?.size ?? 0
    let status: Readiness['status'] = unsettled > 0 ? 'degraded' : 'ok'
    for (const { name, isOpen } of this.#health) {
      if (isOpen) status = 'degraded'
      stores[name] = isOpen || stores[name] === 'degraded' ? 'degraded' : 'ok'
    }
    return { status, stores, unsettled }
  }

  /** Resolves when nothing is outstanding. */
  async drained(): Promise<void> {
    await this.#outstanding?.drained()
  }
}
