import type { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange, Outcome } from '../exchange.js'
import type { Clock } from '../lib/clock.js'
import { bucketState } from '../limits/bucket-state.js'
import { bucketRefusal, refusalOf } from '../limits/refusals.js'
import type { BucketRule, LimiterRule, RuleSet } from '../limits/rules.js'
import { SharedLimiter, type GiveBack, type SharedLimiterParts } from '../limits/shared-limiter.js'
import type { LimitUnit } from '../limits/rule.js'
import type { Guard } from '../pipeline.js'
import { announceLimits } from '../protocols/rate-headers.js'
import { estimateOf } from './estimate-of.js'

/** What the limit guards are built from. */
export interface RateLimitParts extends SharedLimiterParts {
  readonly rules: RuleSet
  readonly clock: Clock
  readonly events: Events | undefined
  /** The output a request without a cap of its own is taken to have, in tokens. */
  readonly defaultOutputTokens: number
}

/** How long to wait for a place among the requests in flight: nobody knows, so a second. */
const concurrencyWaitMs = 1_000

/**
 * The limits, as two guards: requests a minute and requests in flight before the body is read,
 * tokens a minute and whatever goes by the model after it. Either all rules of a guard take, or
 * none; and what the first took, a refusal of the second gives back.
 */
export function rateLimitGuards(parts: RateLimitParts): [head: Guard, body: Guard] {
  const { rules } = parts
  const head = new Decider(parts, rules.head.buckets, rules.head.limiters)
  const body = new Decider(parts, rules.body.buckets, rules.body.limiters)
  return [
    {
      name: 'rate-limit',
      phase: 'head',
      enter: (exchange) => head.enter(exchange, true),
      leave: (exchange) => {
        for (const { held, counter } of rules.concurrency) {
          const key = held.get(exchange)
          if (key === undefined) continue
          held.delete(exchange)
          counter.exit(key)
        }
      },
    },
    {
      name: 'token-limit',
      phase: 'body',
      enter(exchange) {
        // Before the rules are asked: what is wrong with a body is not refused by a rule, and counts.
        body.estimate(exchange)
        try {
          const waiting = body.enter(exchange, false)
          return waiting?.catch((error: unknown) => giveBack(head, exchange, error))
        } catch (error) {
          return giveBack(head, exchange, error)
        }
      },
      leave: (exchange, outcome) => body.correct(exchange, outcome),
    },
  ]
}

/** A refusal by a rule of the body takes nothing from the rules of the head either. */
function giveBack(head: Decider, exchange: Exchange, error: unknown): never {
  head.giveBack(exchange)
  throw error
}

/** Decides one phase's rules together. */
class Decider {
  readonly #parts: RateLimitParts
  readonly #buckets: readonly BucketRule[]
  readonly #limiters: readonly SharedLimiter[]
  /** What the enforced limiters took for a request, and behind which of its states the buckets' stand. */
  readonly #asked = new WeakMap<Exchange, { enforced: GiveBack[]; states: number }>()

  constructor(
    parts: RateLimitParts,
    buckets: readonly BucketRule[],
    limiters: readonly LimiterRule[],
  ) {
    this.#parts = parts
    this.#buckets = buckets
    this.#limiters = limiters.map((rule) => new SharedLimiter(rule, parts))
  }

  /**
   * Works out what the rules will ask for.
   *
   * @throws GatewayError for a body that tells no cost
   */
  estimate(exchange: Exchange): void {
    for (const rule of this.#buckets) {
      if (rule.rateOf(exchange) !== undefined) this.#cost(rule, exchange)
    }
  }

  enter(exchange: Exchange, countsConcurrency: boolean): void | Promise<void> {
    const refusal = this.#check(exchange, countsConcurrency)
    if (refusal !== undefined) throw refusal
    if (this.#limiters.length > 0) return this.#consume(exchange, countsConcurrency)
    this.#take(exchange, countsConcurrency)
  }

  /** The refusal with the longest wait, when any rule refuses. Takes nothing. */
  #check(exchange: Exchange, countsConcurrency: boolean): GatewayError | undefined {
    const nowMs = this.#parts.clock.monotonicMs()
    let refusal: GatewayError | undefined
    let longestMs = 0
    for (const rule of this.#buckets) {
      if (rule.observe) continue
      const waitMs = this.#waitMs(rule, exchange, nowMs)
      if (waitMs <= longestMs) continue
      longestMs = waitMs
      refusal = bucketRefusal(rule, exchange, waitMs)
    }
    if (countsConcurrency) refusal ??= this.#checkConcurrency(exchange)
    if (refusal !== undefined) this.#note(exchange, nowMs)
    return refusal
  }

  #waitMs(rule: BucketRule, exchange: Exchange, nowMs: number): number {
    const rate = rule.rateOf(exchange)
    if (rate === undefined) return 0
    const key = rule.keyOf(exchange)
    if (key === undefined) return 0
    return rule.bucket.wait(key, this.#cost(rule, exchange), nowMs, rate)
  }

  #checkConcurrency(exchange: Exchange): GatewayError | undefined {
    for (const rule of this.#parts.rules.concurrency) {
      if (rule.observe) continue
      const limit = rule.limitOf(exchange)
      const key = limit === undefined ? undefined : rule.keyOf(exchange)
      if (limit === undefined || key === undefined || rule.counter.inFlight(key) < limit) continue
      return refusalOf('concurrency', rule.name, limit, concurrencyWaitMs)
    }
    return undefined
  }

  /** Takes from every rule; none refuses any more, unless it only observes. */
  #take(exchange: Exchange, countsConcurrency: boolean): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const rule of this.#buckets) {
      const rate = rule.rateOf(exchange)
      const key = rate === undefined ? undefined : rule.keyOf(exchange)
      if (rate === undefined || key === undefined) continue
      const waitMs = rule.bucket.take(key, this.#cost(rule, exchange), nowMs, rate)
      if (waitMs > 0) this.#observed(exchange, rule.name, rule.unit, rate.limit, waitMs)
    }
    if (countsConcurrency) this.#takeConcurrency(exchange)
    this.#note(exchange, nowMs)
  }

  #takeConcurrency(exchange: Exchange): void {
    for (const rule of this.#parts.rules.concurrency) {
      const limit = rule.limitOf(exchange)
      const key = limit === undefined ? undefined : rule.keyOf(exchange)
      if (limit === undefined || key === undefined) continue
      if (rule.counter.enter(key, limit)) rule.held.set(exchange, key)
      else this.#observed(exchange, rule.name, 'concurrency', limit, concurrencyWaitMs)
    }
  }

  /** Asks the limiters that must be waited for, then takes from those that need not be. */
  async #consume(exchange: Exchange, countsConcurrency: boolean): Promise<void> {
    const taken: GiveBack[] = []
    const enforced: GiveBack[] = []
    try {
      for (const limiter of this.#limiters) {
        const { name, observe } = limiter.rule
        await limiter.take(
          exchange,
          (undo) => {
            taken.push(undo)
            if (!observe) enforced.push(undo)
          },
          (limit, waitMs) => this.#observed(exchange, name, 'requests', limit, waitMs),
        )
      }
      this.#asked.set(exchange, { enforced, states: exchange.limits.length })
      // While one limiter was waited for, other requests went on.
      const refusal = this.#check(exchange, countsConcurrency)
      if (refusal !== undefined) throw refusal
      this.#take(exchange, countsConcurrency)
    } catch (error) {
      for (const undo of taken) undo()
      throw error
    }
  }

  /** Notes where the enforced rules stand, for the handler and the rate headers. */
  #note(exchange: Exchange, nowMs: number): void {
    let noted = this.#limiters.length > 0
    for (const rule of this.#buckets) {
      const state = bucketState(rule, exchange, nowMs)
      if (state === undefined) continue
      noted = true
      exchange.limits.push(state)
    }
    if (noted) announceLimits(exchange)
  }

  /** Gives back what this phase took from the enforced rules, and notes where they stand then. */
  giveBack(exchange: Exchange): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const rule of this.#buckets) {
      if (!rule.observe) this.#adjust(rule, exchange, -1, nowMs)
    }
    for (const undo of this.#asked.get(exchange)?.enforced ?? []) undo()
    this.#noteAgain(exchange, nowMs)
  }

  /** Puts the buckets' states in the place of those noted first, which stand behind the limiters'. */
  #noteAgain(exchange: Exchange, nowMs: number): void {
    const { limits } = exchange
    let index = this.#asked.get(exchange)?.states ?? 0
    for (const rule of this.#buckets) {
      const state = bucketState(rule, exchange, nowMs)
      if (state !== undefined) limits[index++] = state
    }
    if (limits.length > 0) announceLimits(exchange)
  }

  /** Puts the tokens that were used in the place of the estimate. */
  correct(exchange: Exchange, outcome: Outcome): void {
    const used = tokensUsed(exchange, outcome)
    if (used === undefined) return
    const nowMs = this.#parts.clock.monotonicMs()
    for (const rule of this.#buckets) {
      // Where there is no limit nothing was taken, and no estimate need be possible.
      if (rule.unit !== 'tokens' || rule.rateOf(exchange) === undefined) continue
      this.#adjust(rule, exchange, used - this.#cost(rule, exchange), nowMs)
    }
  }

  #adjust(rule: BucketRule, exchange: Exchange, delta: number, nowMs: number): void {
    const rate = rule.rateOf(exchange)
    const key = rate === undefined ? undefined : rule.keyOf(exchange)
    if (key !== undefined && delta !== 0) rule.bucket.adjust(key, delta, nowMs, rate)
  }

  #cost(rule: BucketRule, exchange: Exchange): number {
    if (rule.unit === 'requests') return 1
    const estimate = estimateOf(exchange, this.#parts.defaultOutputTokens)
    return estimate === undefined ? 0 : estimate.inputTokens + estimate.outputTokens
  }

  #observed(
    exchange: Exchange,
    rule: string,
    unit: LimitUnit,
    limit: number,
    waitMs: number,
  ): void {
    const { events } = this.#parts
    if (events?.has('observed') !== true) return
    events.emit('observed', { ...exchange.facts(), rule, unit, limit, waitMs })
  }
}

/** What is known to have been used; undefined when the estimate has to stand. */
function tokensUsed(exchange: Exchange, outcome: Outcome): number | undefined {
  const { charged } = exchange
  if (charged !== undefined && !('micros' in charged)) {
    return charged.inputTokens + charged.outputTokens
  }
  return outcome.status >= 400 ? 0 : undefined
}
