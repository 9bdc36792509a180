import type { RequestFacts } from '../events.js'
import type { LoggedError } from '../lib/logger.js'
import type { Due, Hold } from './hold.js'
import type { ChargedTokens, ReserveRequest } from './ledger.js'

/** All that is needed to settle a request by hand. */
export interface UnsettledCharge {
  /** What the ledger was to do with the request's reservation. */
  readonly action: 'settle' | 'release'
  /** What was to be charged, micro-USD; 0 of a release. */
  readonly amount: number
  readonly model: string | undefined
  /** What the charge is for, as far as it is known. */
  readonly tokens: ChargedTokens | undefined
  /** Why the gateway has given up. */
  readonly cause: LoggedError
}

/** How a request is to end that the ledger has not taken yet. */
export class Unsettled {
  readonly facts: RequestFacts
  /** The charge; undefined when the reservation is to be released. */
  readonly due: Due | undefined
  /** What was held, micro-USD; undefined when nothing was known to be. */
  readonly reserved: number | undefined
  readonly #request: ReserveRequest
  /** Whether there is nothing to settle yet: the request was let through, or its hold is gone. */
  needsReserve: boolean
  /** Whether a settle was sent whose answer nobody saw. */
  maybeSettled = false
  #renewals = 0

  constructor(facts: RequestFacts, held: Hold, due: Due | undefined) {
    this.facts = facts
    this.due = due
    this.reserved = held.reserved
    this.#request = held.request
    this.needsReserve = due !== undefined && held.reserved === undefined
  }

  /** The reservation's id, in the ledger. */
  get id(): string {
    const { id } = this.#request
    return this.#renewals === 0 ? id : `${id}-late${this.#renewals}`
  }

  /** Whose reservation it is. */
  get account(): string {
    return this.#request.account
  }

  get model(): string | undefined {
    return this.#request.model
  }

  /** A reservation of just what is due. */
  get reserveRequest(): ReserveRequest {
    return { ...this.#request, id: this.id, amount: this.due?.amount ?? 0 }
  }

  /** The reservation expired before its charge came: it gets another one, with an id of its own. */
  renew(): void {
    this.#renewals++
    this.needsReserve = true
    this.maybeSettled = false
  }
}
