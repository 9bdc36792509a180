import { RateLimiterRes } from 'rate-limiter-flexible'
import { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange } from '../exchange.js'
import type { Clock } from '../lib/clock.js'
import { announceLimits } from '../protocols/rate-headers.js'
import type { StoreCalls } from '../stores/store-calls.js'
import { isStoreFailure } from '../stores/store-errors.js'
import type { Stores } from '../stores/stores.js'
import { bucketState } from './bucket-state.js'
import { tellObserved } from './observed.js'
import { bucketRefusal, refusalOf } from './refusals.js'
import type { BucketRule, LimiterRule } from './rules.js'
import type { GiveBack, SharedLimits, Taken } from './shared-limits.js'
import { partOf } from './stored-rules.js'
import { TokenBucketMemory } from './token-bucket.js'

/** What becomes of a request while the limits' store fails. */
export interface LimiterFailureOptions {
  /**
   * What becomes of a request while the `limitStore`, or the store of a rule's `limiter`, fails.
   * `local` (unless given): this process's memory decides. `open`: it passes. `closed`: 503.
   */
  whenLimitsFail?: 'local' | 'open' | 'closed' | undefined
  /**
   * How many server processes share the limits; 1 unless given. While their store fails, each of
   * them lets through its part.
   */
  instances?: number | undefined
}

/** What a SharedLimiter stands on beside its rule. */
export interface SharedLimiterParts extends LimiterFailureOptions {
  readonly stores: Stores
  readonly clock: Clock
  readonly events: Events | undefined
}

/** A limiter whose store is shared with other processes, and what decides while that fails. */
export class SharedLimiter implements SharedLimits {
  readonly #rule: LimiterRule
  readonly #events: Events | undefined
  readonly #calls: StoreCalls
  readonly #clock: Clock
  readonly #whenFails: 'local' | 'open' | 'closed'
  readonly #local: BucketRule | undefined

  constructor(rule: LimiterRule, parts: SharedLimiterParts) {
    this.#rule = rule
    this.#events = parts.events
    this.#calls = parts.stores.callsOf('limits', rule.limiter)
    this.#clock = parts.clock
    this.#whenFails = parts.whenLimitsFail ?? 'local'
    this.#local = localRule(rule, parts)
  }

  async take(exchange: Exchange, taken: Taken): Promise<GatewayError | undefined> {
    const rule = this.#rule
    const { limiter } = rule
    const key = rule.keyOf(exchange)
    if (key === undefined) return undefined
    const giveBack = (): void => this.#reward(key)
    try {
      const state = await this.#calls.run(() => limiter.consume(key, 1))
      taken(giveBack, rule.observe)
      this.#note(exchange, state)
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) {
        const undo = this.#takeWithoutStore(exchange, key, thrown)
        if (undo instanceof GatewayError) return undo
        if (undo !== undefined) taken(undo, rule.observe)
        return undefined
      }
      if (limiter.takesOnRefusal !== false) taken(giveBack, rule.observe)
      if (!rule.observe) {
        this.#note(exchange, thrown)
        announceLimits(exchange)
        return refusalOf('requests', rule.name, rule.limit, thrown.msBeforeNext)
      }
      const { name, limit } = rule
      tellObserved(this.#events, exchange, name, 'requests', limit, thrown.msBeforeNext)
    }
    return undefined
  }

  #takeWithoutStore(
    exchange: Exchange,
    key: string,
    cause: unknown,
  ): GiveBack | GatewayError | undefined {
    if (!isStoreFailure(cause)) return new GatewayError('gateway_overloaded', { cause })
    exchange.announceDegraded(this.#calls.name)
    const rule = this.#rule
    if (rule.observe || this.#whenFails === 'open') return undefined
    const local = this.#local
    if (local === undefined) return new GatewayError('gateway_overloaded', { cause })
    const { bucket } = local
    const nowMs = this.#clock.monotonicMs()
    const waitMs = bucket.take(key, 1, nowMs)
    const state = bucketState(local, exchange, nowMs)
    if (state !== undefined) exchange.limits.push(state)
    if (waitMs > 0) {
      announceLimits(exchange)
      return bucketRefusal(local, exchange, waitMs)
    }
    return () => bucket.adjust(key, -1, this.#clock.monotonicMs())
  }

  #note(exchange: Exchange, state: RateLimiterRes): void {
    const rule = this.#rule
    if (rule.observe) return
    // Its limiters count in windows: all of them come back at once.
    const resetMs = Math.max(0, state.msBeforeNext)
    exchange.limits.push({
      rule: rule.name,
      unit: 'requests',
      limit: rule.limit,
      windowSeconds: rule.windowSeconds,
      remaining: Math.max(0, state.remainingPoints),
      resetMs,
      moreInMs: resetMs,
    })
  }

  /** Waits for nothing: a point that does not come back at once comes back with the window. */
  #reward(key: string): void {
    void this.#calls.attempt(() => this.#rule.limiter.reward(key, 1))
  }
}

const secondsOfYear = 31_622_400

/** This process's part of a limit, as a bucket; undefined where there shall be or can be none. */
function localRule(
  rule: LimiterRule,
  { whenLimitsFail = 'local', instances = 1, clock }: SharedLimiterParts,
): BucketRule | undefined {
  const { name, observe, limit, windowSeconds, limiter } = rule
  // What a limiter of somebody's own lets through is not known.
  if (whenLimitsFail !== 'local' || !(limit >= 1)) return undefined
  const burst = 'burst' in limiter ? limiter.burst : undefined
  const bucket = new TokenBucketMemory({
    points: partOf(limit, instances),
    burst: typeof burst === 'number' && burst >= 1 ? partOf(burst, instances) : undefined,
    // A window that never ends lets nobody through a second time for as long as there may be.
    duration: windowSeconds > 0 ? Math.min(windowSeconds, secondsOfYear) : secondsOfYear,
    clock,
  })
  return {
    name,
    storeName: undefined,
    observe,
    keyOf: (exchange) => rule.keyOf(exchange),
    unit: 'requests',
    bucket,
    rateOf: () => bucket.rate,
  }
}
