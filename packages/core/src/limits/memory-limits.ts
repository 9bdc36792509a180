import type { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange } from '../exchange.js'
import { keep, Kept, keptOf } from '../kept.js'
import type { Clock } from '../lib/clock.js'
import { announceLimits } from '../protocols/rate-headers.js'
import { bucketState } from './bucket-state.js'
import { tellObserved } from './observed.js'
import { bucketRefusal, concurrencyWaitMs, refusalOf } from './refusals.js'
import type { BucketRule, ConcurrencyRule } from './rules.js'
import type { CountedRules } from './stored-rules.js'

/** What counting stands on. */
export interface CountingParts {
  readonly clock: Clock
  readonly events: Events | undefined
  /** What a request is taken to cost, in tokens. Throws a GatewayError for a body that tells none. */
  readonly tokensOf: (exchange: Exchange) => number
}

/** The rules of one phase that are counted in this process, decided together. */
export class MemoryLimits {
  readonly #rules: CountedRules
  readonly #parts: CountingParts
  readonly #isShare: boolean

  /** @param isShare whether these are one process's part of the rules */
  constructor(rules: CountedRules, parts: CountingParts, isShare = false) {
    this.#rules = rules
    this.#parts = parts
    this.#isShare = isShare
  }

  /**
   * Works out what the rules will ask for.
   *
   * @throws GatewayError for a body that tells no cost
   */
  estimate(exchange: Exchange): void {
    for (const rule of this.#rules.buckets) {
      if (rule.rateOf(exchange) !== undefined) this.#cost(rule, exchange)
    }
  }

  /** The refusal with the longest wait, when any rule refuses. Takes nothing. */
  refusal(exchange: Exchange): GatewayError | undefined {
    const nowMs = this.#parts.clock.monotonicMs()
    let refusal: GatewayError | undefined
    let longestMs = 0
    for (const rule of this.#rules.buckets) {
      if (rule.observe) continue
      const waitMs = this.#waitMs(rule, exchange, nowMs)
      if (waitMs <= longestMs) continue
      longestMs = waitMs
      refusal = bucketRefusal(rule, exchange, waitMs)
    }
    refusal ??= this.#concurrencyRefusal(exchange)
    if (refusal !== undefined && this.#note(exchange, nowMs)) announceLimits(exchange)
    return refusal
  }

  #waitMs(rule: BucketRule, exchange: Exchange, nowMs: number): number {
    const rate = rule.rateOf(exchange)
    if (rate === undefined) return 0
    const key = rule.keyOf(exchange)
    if (key === undefined) return 0
    return rule.bucket.wait(key, this.#cost(rule, exchange), nowMs, rate)
  }

  #concurrencyRefusal(exchange: Exchange): GatewayError | undefined {
    for (const rule of this.#rules.concurrency) {
      if (rule.observe) continue
      const limit = rule.limitOf(exchange)
      const key = limit === undefined ? undefined : rule.keyOf(exchange)
      if (limit === undefined || key === undefined || rule.counter.inFlight(key) < limit) continue
      return refusalOf('concurrency', rule.name, limit, concurrencyWaitMs)
    }
    return undefined
  }

  /**
   * Takes from every rule; none refuses any more, unless it only observes. Notes where they stand.
   *
   * @returns whether there was anything to note
   */
  take(exchange: Exchange): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const rule of this.#rules.buckets) {
      const rate = rule.rateOf(exchange)
      const key = rate === undefined ? undefined : rule.keyOf(exchange)
      if (rate === undefined || key === undefined) continue
      const waitMs = rule.bucket.take(key, this.#cost(rule, exchange), nowMs, rate)
      if (waitMs === 0) continue
      tellObserved(this.#parts.events, exchange, rule.name, rule.unit, rate.limit, waitMs)
    }
    this.#takePlaces(exchange)
    return this.#note(exchange, nowMs)
  }

  #takePlaces(exchange: Exchange): void {
    for (const rule of this.#rules.concurrency) {
      const limit = rule.limitOf(exchange)
      const key = limit === undefined ? undefined : rule.keyOf(exchange)
      if (limit === undefined || key === undefined) continue
      if (rule.counter.enter(key, limit)) keep(exchange, new PlaceTaken(rule, key))
      else {
        const { events } = this.#parts
        tellObserved(events, exchange, rule.name, 'concurrency', limit, concurrencyWaitMs)
      }
    }
  }

  /** Notes where the enforced rules stand, for the handler and the rate headers. */
  #note(exchange: Exchange, nowMs: number): boolean {
    let noted = false
    for (const rule of this.#rules.buckets) {
      const state = bucketState(rule, exchange, nowMs)
      if (state === undefined) continue
      noted = true
      exchange.limits.push(state)
    }
    return noted
  }

  /**
   * Gives back what was taken from the enforced buckets, and notes where they stand then.
   *
   * @param firstState which of the exchange's states was the first of these
   */
  giveBack(exchange: Exchange, firstState: number): void {
    const nowMs = this.#parts.clock.monotonicMs()
    let index = firstState
    for (const rule of this.#rules.buckets) {
      if (rule.observe || rule.rateOf(exchange) === undefined) continue
      this.#adjust(rule, exchange, -this.#cost(rule, exchange), nowMs)
      const state = bucketState(rule, exchange, nowMs)
      if (state !== undefined) exchange.limits[index++] = state
    }
  }

  /**
   * Puts the tokens that were used in the place of those that were taken.
   *
   * @param takenTokens the estimate unless given
   */
  correct(exchange: Exchange, usedTokens: number, takenTokens?: number): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const rule of this.#rules.buckets) {
      // Where there is no limit nothing was taken, and no estimate need be possible.
      if (rule.unit !== 'tokens' || rule.rateOf(exchange) === undefined) continue
      this.#adjust(rule, exchange, usedTokens - (takenTokens ?? this.#cost(rule, exchange)), nowMs)
    }
  }

  /** Gives up the places of a request that is over. */
  leave(exchange: Exchange): void {
    for (const rule of this.#rules.concurrency) {
      const taken = keptOf(exchange, PlaceTaken, rule)
      if (taken !== undefined) rule.counter.exit(taken.key)
    }
  }

  #adjust(rule: BucketRule, exchange: Exchange, delta: number, nowMs: number): void {
    const rate = rule.rateOf(exchange)
    const key = rate === undefined ? undefined : rule.keyOf(exchange)
    if (key !== undefined && delta !== 0) rule.bucket.adjust(key, delta, nowMs, rate)
  }

  #cost(rule: BucketRule, exchange: Exchange): number {
    if (rule.unit === 'requests') return 1
    const tokens = this.#parts.tokensOf(exchange)
    if (!this.#isShare) return tokens
    // What fits the whole limit must not be too large for good because a part is smaller.
    return Math.min(tokens, rule.rateOf(exchange)?.capacity ?? tokens)
  }
}

/** That a request is counted among those in flight. */
class PlaceTaken extends Kept {
  readonly key: string

  constructor(rule: ConcurrencyRule, key: string) {
    super(rule)
    this.key = key
  }
}
