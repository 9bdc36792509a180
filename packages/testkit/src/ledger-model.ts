import type {
  Balance,
  ChargedTokens,
  Movement,
  Reservation,
  ReserveRequest,
  Settled,
  UsageQuery,
  UsageSum,
} from '@lazu/core'
import type { FakeClock } from './fake-clock.js'
import { dayMs } from './ledger-fixtures.js'

/** How long a ledger must at least remember how a reservation ended. */
const rememberedMs = 10 * 60_000

interface ModelReservation {
  readonly request: ReserveRequest
  readonly movements: Movement[]
  expiresAtMs: number
  ended: Settled | undefined
}

interface ModelCharge {
  readonly account: string
  readonly key: string
  readonly model: string
  readonly amount: number
  readonly tokens: ChargedTokens
  /** Of the day it was settled on. */
  readonly date: string
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
  readonly #charges: ModelCharge[] = []
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
    const movements = [this.#movement('reserve', request, amount)]
    this.#reservations.set(id, { request, movements, expiresAtMs, ended: undefined })
    return { value: { id, account, key, amount } }
  }

  settle(id: string, amount: number, tokens?: ChargedTokens): Settled | undefined {
    const reservation = this.#reservations.get(id)
    if (reservation === undefined || reservation.ended !== undefined) return reservation?.ended
    const { request } = reservation
    const account = this.#account(request.account)
    account.settled += amount
    account.excess += Math.max(0, amount - request.amount)
    this.#charges.push({
      account: request.account,
      key: request.key,
      model: request.model ?? '',
      amount,
      tokens: tokens ?? { inputTokens: 0, outputTokens: 0 },
      date: this.#date(10),
    })
    reservation.ended = { id, ended: 'settled', amount }
    reservation.movements.push({ ...this.#movement('settled', request, amount), tokens })
    return reservation.ended
  }

  release(id: string): Settled | undefined {
    const reservation = this.#reservations.get(id)
    if (reservation === undefined) return undefined
    if (reservation.ended === undefined) this.#giveBack(reservation, 'released')
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
    for (const reservation of this.#reservations.values()) {
      const isOver = reservation.expiresAtMs <= nowMs
      if (isOver && reservation.ended === undefined) this.#giveBack(reservation, 'expired')
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

  /** What happened to a reservation. Of an expiry the time is the latest it may be told with. */
  movements(id: string): readonly Movement[] {
    return this.#reservations.get(id)?.movements ?? []
  }

  /** What was spent; the charges added up one by one. */
  usage(query: UsageQuery): UsageSum[] {
    const sums = new Map<string, UsageSum>()
    for (const charge of this.#charges) {
      const isMeant =
        'account' in query ? charge.account === query.account : charge.key === query.key
      if (!isMeant || charge.date < query.from || charge.date > query.to) continue
      const name = query.by === 'day' ? charge.date : charge[query.by]
      const { requests, amount, inputTokens, outputTokens } = sums.get(name) ?? nothing
      sums.set(name, {
        name,
        requests: requests + 1,
        amount: amount + charge.amount,
        inputTokens: inputTokens + charge.tokens.inputTokens,
        outputTokens: outputTokens + charge.tokens.outputTokens,
      })
    }
    return [...sums.values()].toSorted((one, other) =>
      Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
    )
  }

  /** The date (UTC) so many days ago. */
  dateBefore(days: number): string {
    return dateOf(this.#clock.wallMs() - days * dayMs)
  }

  #giveBack(reservation: ModelReservation, ended: 'released' | 'expired'): void {
    const { request } = reservation
    reservation.ended = { id: request.id, ended, amount: 0 }
    reservation.movements.push(this.#movement(ended, request, request.amount))
  }

  #movement(kind: Movement['kind'], request: ReserveRequest, amount: number): Movement {
    const { id, account, key, model } = request
    return { kind, atMs: this.#clock.wallMs(), id, account, key, model, amount }
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
    return dateOf(this.#clock.wallMs()).slice(0, length)
  }
}

const nothing = { requests: 0, amount: 0, inputTokens: 0, outputTokens: 0 }

function dateOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10)
}
