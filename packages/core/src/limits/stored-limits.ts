import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import { keep, Kept, keptOf } from '../kept.js'
import { ulid } from '../lib/ulid.js'
import { announceLimits } from '../protocols/rate-headers.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure, StoreUnavailableError } from '../stores/store-errors.js'
import { stateOfMissing, waitOfMissing } from './bucket-state.js'
import { costMs } from './bucket-time.js'
import type { BucketAsk, BucketChange, LimitAnswer, LimitStore, PlaceAsk } from './limit-store.js'
import type { CountingParts, MemoryLimits } from './memory-limits.js'
import { tellObserved } from './observed.js'
import type { Places } from './places.js'
import { bucketRefusal, concurrencyWaitMs, refusalOf } from './refusals.js'
import type { BucketRule, ConcurrencyRule } from './rules.js'
import type { SharedLimits, Taken } from './shared-limits.js'
import type { CountedRules } from './stored-rules.js'

/** What rules in a store stand on. */
export interface StoredLimitsParts extends CountingParts {
  readonly store: LimitStore
  readonly calls: StoreCalls
  readonly places: Places
  readonly whenFails: 'local' | 'open' | 'closed'
  /** This process's part of the rules, for while the store fails. */
  readonly local: MemoryLimits
}

interface AskedBucket {
  readonly rule: BucketRule
  readonly ask: BucketAsk
}

interface AskedPlace {
  readonly rule: ConcurrencyRule
  readonly ask: PlaceAsk
}

/** What was asked for one request. */
interface Asked {
  readonly buckets: readonly AskedBucket[]
  readonly places: readonly AskedPlace[]
}

/** The rules of one phase that are counted in a store, decided together in one step. */
export class StoredLimits implements SharedLimits {
  readonly #rules: CountedRules
  readonly #parts: StoredLimitsParts
  readonly #process = ulid(Date.now())
  #count = 0

  constructor(rules: CountedRules, parts: StoredLimitsParts) {
    this.#rules = rules
    this.#parts = parts
  }

  estimate(exchange: Exchange): void {
    for (const rule of this.#rules.buckets) {
      if (rule.rateOf(exchange) !== undefined) this.#cost(rule, exchange)
    }
  }

  async take(exchange: Exchange, taken: Taken): Promise<GatewayError | undefined> {
    const asked = this.#asked(exchange)
    if (asked instanceof GatewayError) return asked
    const asks = [...asked.buckets, ...asked.places].map(({ ask }) => ask)
    if (asks.length === 0) return undefined
    const { calls, store } = this.#parts
    let answer: LimitAnswer
    try {
      answer = await calls.run(() => store.take(asks))
    } catch (error) {
      return this.#failed(exchange, asked, error, taken)
    }
    if (!answer.passes) return this.#refused(exchange, asked, answer.before)
    this.#passed(exchange, asked, answer.before, taken)
    return undefined
  }

  /** What to ask for, or the refusal that is certain before anybody is asked. */
  #asked(exchange: Exchange): Asked | GatewayError {
    const buckets: AskedBucket[] = []
    const places: AskedPlace[] = []
    for (const rule of this.#rules.buckets) {
      const rate = rule.rateOf(exchange)
      const key = rate === undefined ? undefined : rule.keyOf(exchange)
      if (rate === undefined || key === undefined) continue
      const { storeName, observe } = rule
      const cost = this.#cost(rule, exchange)
      // What no bucket could ever hold.
      if (cost > rate.capacity && !observe) return bucketRefusal(rule, exchange, Infinity)
      const name = `${storeName}:${key}`
      buckets.push({ rule, ask: { kind: 'bucket', name, cost, rate, observe } })
    }
    for (const rule of this.#rules.concurrency) {
      const limit = rule.limitOf(exchange)
      const key = limit === undefined ? undefined : rule.keyOf(exchange)
      if (limit === undefined || key === undefined) continue
      const name = `${rule.storeName}:${key}`
      const id = `${this.#process}${this.#count++}`
      places.push({ rule, ask: { kind: 'place', name, id, limit, observe: rule.observe } })
    }
    return { buckets, places }
  }

  #passed(
    exchange: Exchange,
    { buckets, places }: Asked,
    before: readonly number[],
    taken: Taken,
  ): void {
    const { events } = this.#parts
    const enforced: AskedBucket[] = []
    const enforcedMissingMs: number[] = []
    const observed: AskedBucket[] = []
    const firstState = exchange.limits.length
    for (const [index, asked] of buckets.entries()) {
      const { rule, ask } = asked
      const missingMs = before[index] ?? 0
      if (ask.observe) {
        const waitMs = waitOfMissing(ask.rate, missingMs, ask.cost)
        if (waitMs === 0) observed.push(asked)
        else tellObserved(events, exchange, rule.name, rule.unit, ask.rate.limit, waitMs)
      } else {
        enforced.push(asked)
        enforcedMissingMs.push(missingMs)
        const missingNowMs = missingMs + costMs(ask.cost, ask.rate)
        exchange.limits.push(stateOfMissing(rule, ask.rate, missingNowMs))
      }
    }
    const held: PlaceAsk[] = []
    for (const [index, { rule, ask }] of places.entries()) {
      const isHeld = (before[buckets.length + index] ?? 0) < ask.limit
      if (isHeld) held.push(ask)
      else tellObserved(events, exchange, rule.name, 'concurrency', ask.limit, concurrencyWaitMs)
    }
    if (held.length > 0) this.#parts.places.began(exchange, held)
    keep(exchange, new TakenFrom(this, [...enforced, ...observed]))
    if (observed.length > 0) taken(() => this.#giveBack(observed), true)
    taken(() => {
      this.#parts.places.ended(exchange)
      this.#giveBack(enforced)
      for (const [index, { rule, ask }] of enforced.entries()) {
        const missingMs = enforcedMissingMs[index] ?? 0
        exchange.limits[firstState + index] = stateOfMissing(rule, ask.rate, missingMs)
      }
    }, false)
  }

  #refused(
    exchange: Exchange,
    { buckets, places }: Asked,
    before: readonly number[],
  ): GatewayError {
    let refusal: GatewayError | undefined
    let longestMs = 0
    for (const [index, { rule, ask }] of buckets.entries()) {
      if (ask.observe) continue
      const missingMs = before[index] ?? 0
      exchange.limits.push(stateOfMissing(rule, ask.rate, missingMs))
      const waitMs = waitOfMissing(ask.rate, missingMs, ask.cost)
      if (waitMs <= longestMs) continue
      longestMs = waitMs
      refusal = bucketRefusal(rule, exchange, waitMs)
    }
    for (const [index, { rule, ask }] of places.entries()) {
      if (ask.observe || (before[buckets.length + index] ?? 0) < ask.limit) continue
      refusal ??= refusalOf('concurrency', rule.name, ask.limit, concurrencyWaitMs)
    }
    if (exchange.limits.length > 0) announceLimits(exchange)
    const cause = 'the store of the limits refused what its own numbers allow'
    return refusal ?? new GatewayError('gateway_overloaded', { cause: new Error(cause) })
  }

  /** Decides without the store. */
  #failed(
    exchange: Exchange,
    asked: Asked,
    cause: unknown,
    taken: Taken,
  ): GatewayError | undefined {
    const { calls, places, whenFails, local } = this.#parts
    if (!isStoreFailure(cause)) return new GatewayError('gateway_overloaded', { cause })
    // What it was asked to do may be done all the same, but for the places nobody would free.
    const mayBeHeld = asked.places.map(({ ask }) => ask)
    if (mayBeHeld.length > 0 && !(cause instanceof StoreUnavailableError)) places.free(mayBeHeld)
    exchange.announceDegraded(calls.name)
    if (whenFails === 'open') return undefined
    if (whenFails === 'closed') {
      const isEnforced = [...asked.buckets, ...asked.places].some(({ ask }) => !ask.observe)
      return isEnforced ? new GatewayError('gateway_overloaded', { cause }) : undefined
    }
    const firstState = exchange.limits.length
    const refusal = local.refusal(exchange)
    if (refusal !== undefined) return refusal
    local.take(exchange)
    keep(exchange, new TakenFrom(this, 'local'))
    taken(() => {
      local.giveBack(exchange, firstState)
      local.leave(exchange)
    }, false)
    return undefined
  }

  /** See {@link MemoryLimits.correct}. */
  correct(exchange: Exchange, usedTokens: number, takenTokens?: number): void {
    const buckets = keptOf(exchange, TakenFrom, this)?.buckets
    if (buckets === 'local') this.#parts.local.correct(exchange, usedTokens, takenTokens)
    if (buckets === undefined || buckets === 'local') return
    const changes: BucketChange[] = []
    for (const { rule, ask } of buckets) {
      const delta = usedTokens - (takenTokens ?? ask.cost)
      if (rule.unit !== 'tokens' || delta === 0) continue
      changes.push({ name: ask.name, delta, rate: ask.rate })
    }
    this.#adjust(changes)
  }

  leave(exchange: Exchange): void {
    this.#parts.places.ended(exchange)
    this.#parts.local.leave(exchange)
  }

  #giveBack(asked: readonly AskedBucket[]): void {
    this.#adjust(asked.map(({ ask: { name, cost, rate } }) => ({ name, delta: -cost, rate })))
  }

  /** Waits for nothing: what is not given back flows back. */
  #adjust(changes: readonly BucketChange[]): void {
    if (changes.length === 0) return
    const { calls, store } = this.#parts
    void calls.attempt(() => store.adjust(changes))
  }

  #cost(rule: BucketRule, exchange: Exchange): number {
    return rule.unit === 'requests' ? 1 : this.#parts.tokensOf(exchange)
  }
}

/** The buckets a request was taken from; `local` where this process decided. */
class TakenFrom extends Kept {
  readonly buckets: readonly AskedBucket[] | 'local'

  constructor(limits: StoredLimits, buckets: readonly AskedBucket[] | 'local') {
    super(limits)
    this.buckets = buckets
  }
}
