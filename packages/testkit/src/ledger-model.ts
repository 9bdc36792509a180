import type { Balance, Reservation, ReserveRequest, Settled } from '@lazu/core'
import type { FakeClock } from './fake-clock.js'

/** How long a ledger must at least remember how a reservation ended. */
const rememberedMs = 10 * 60_000

interface ModelReservation {
  readonly request: ReserveRequest
  expiresAtMs: number
  ended: Settled | undefined
}

interface ModelAccount {
  granted: number
  settled: number
  /** What charges were above their reservations, together. */
  excess: number
  readonly references: Set<string>
}

/** What a step should come to: a value, or the condition of the error it throws. */
export type Expected<T> = { readonly value: T } | { readonly condition: string }

/**
 * A ledger as simple as one can be: it keeps every charge, and adds up everything each time it is
 * asked. Real ledgers are compared with it.
 */
export class LedgerModel {
  readonly #clock: FakeClock
  readonly #accounts = new Map<string, ModelAccount>()
  readonly #reservations = new Map<string, ModelReservation>()
  readonly #charges: { key: string; amount: number; date: string }[] = []
  #generation = 0
  #generationBeganMs: number

  constructor(clock: FakeClock) {
    this.#clock = clock
    this.#generationBeganMs = clock.monotonicMs()
  }

  /**
   * The name an id goes by for now. Ids are not used again once a ledger may have forgotten how
   * they ended, for then either answer is right.
   */
  idOf(id: string): string {
    return this.#generation === 0 ? id : `${id} ${this.#generation}`
  }

  reserve(request: ReserveRequest): Expected<Reservation> {
    const { id, account, key, amount } = request
    const earlier = this.#reservations.get(id)
    if (earlier !== undefined) {
      const was = earlier.request
      if (earlier.ended !== undefined || was.account !== account || was.key !== key) {
        return { condition: 'quota_conflict' }
      }
      return { value: { id, account, key, amount: was.amount } }
    }
    if (amount > this.balance(account).available) return { condition: 'insufficient_quota' }
    const { total, day, month } = request.caps ?? {}
    const held = this.#heldWhere((other) => other.key === key)
    const over = (cap: number | undefined, prefix: string): boolean =>
      cap !== undefined && this.#spent(key, prefix) + held + amount > cap
    if (over(total, '') || over(day, this.#date(10)) || over(month, this.#date(7))) {
      return { condition: 'key_quota_exceeded' }
    }
    const expiresAtMs = this.#clock.monotonicMs() + request.ttlMs
    this.#reservations.set(id, { request, expiresAtMs, ended: undefined })
    return { value: { id, account, key, amount } }
  }

  settle(id: string, amount: number): Settled | undefined {
    const reservation = this.#reservations.get(id)
    if (reservation === undefined || reservation.ended !== undefined) return reservation?.ended
    const { request } = reservation
    const account = this.#account(request.account)
    account.settled += amount
    account.excess += Math.max(0, amount - request.amount)
    this.#charges.push({ key: request.key, amount, date: this.#date(10) })
    reservation.ended = { id, ended: 'settled', amount }
    return reservation.ended
  }

  release(id: string): Settled | undefined {
    const reservation = this.#reservations.get(id)
    if (reservation === undefined) return undefined
    reservation.ended ??= { id, ended: 'released', amount: 0 }
    return reservation.ended
  }

  extend(id: string, ttlMs: number): boolean {
    const reservation = this.#reservations.get(id)
    if (reservation === undefined || reservation.ended !== undefined) return false
    reservation.expiresAtMs = this.#clock.monotonicMs() + ttlMs
    return true
  }

  credit(name: string, amount: number, reference: string): Balance {
    const account = this.#account(name)
    if (!account.references.has(reference)) account.granted += amount
    account.references.add(reference)
    return this.balance(name)
  }

  balance(name: string): Balance {
    const { granted, settled } = this.#account(name)
    const held = this.#heldWhere((request) => request.account === name)
    return { granted, settled, held, available: granted - settled - held }
  }

  /** The least an account may have available: less than 0 only by what charges went above. */
  leastAvailable(name: string): number {
    return 0 - this.#account(name).excess
  }

  /** Moves the clock, and ends what is over by then. */
  advance(ms: number): void {
    this.#clock.advance(ms)
    const nowMs = this.#clock.monotonicMs()
    for (const [id, reservation] of this.#reservations) {
      if (reservation.expiresAtMs <= nowMs) {
        reservation.ended ??= { id, ended: 'expired', amount: 0 }
      }
    }
    if (nowMs - this.#generationBeganMs < rememberedMs) return
    // What is still open stays, and ends under the id it has.
    this.#generation++
    this.#generationBeganMs = nowMs
  }

  /** How each of the reservations of late ended. */
  ended(): Settled[] {
    const ended: Settled[] = []
    for (const [id, reservation] of this.#reservations) {
      const isOfLate = this.#generation === 0 || id.endsWith(` ${this.#generation}`)
      if (isOfLate && reservation.ended !== undefined) ended.push(reservation.ended)
    }
    return ended
  }

  #account(name: string): ModelAccount {
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = { granted: 0, settled: 0, excess: 0, references: new Set() }
      this.#accounts.set(name, account)
    }
    return account
  }

  #heldWhere(isMeant: (request: ReserveRequest) => boolean): number {
    let held = 0
    for (const { request, ended } of this.#reservations.values()) {
      if (ended === undefined && isMeant(request)) held += request.amount
    }
    return held
  }

  /** What a key spent on the dates that begin with a prefix. */
  #spent(key: string, prefix: string): number {
    let spent = 0
    for (const charge of this.#charges) {
      if (charge.key === key && charge.date.startsWith(prefix)) spent += charge.amount
    }
    return spent
  }

  /** The date in UTC: 10 characters of it are the day, 7 the month. */
  #date(length: number): string {
    return new Date(this.#clock.wallMs()).toISOString().slice(0, length)
  }
}
