import type { GatewayError } from '../errors/gateway-error.js'
import type { Exchange, Outcome } from '../exchange.js'
import { keep, Kept, keptOf } from '../kept.js'
import { whenDone } from '../lib/when-done.js'
import type { LimitStore } from '../limits/limit-store.js'
import { MemoryLimits, type CountingParts } from '../limits/memory-limits.js'
import { Places } from '../limits/places.js'
import type { PhaseRules, RuleSet } from '../limits/rules.js'
import { SharedLimiter, type SharedLimiterParts } from '../limits/shared-limiter.js'
import type { GiveBack, SharedLimits } from '../limits/shared-limits.js'
import { StoredLimits } from '../limits/stored-limits.js'
import { shareOf, storedOf, unstoredOf } from '../limits/stored-rules.js'
import type { Guard } from '../pipeline.js'
import { announceLimits } from '../protocols/rate-headers.js'
import { estimateOf } from './estimate-of.js'

/** What the limit guards are built from. */
export interface RateLimitParts extends SharedLimiterParts {
  readonly rules: RuleSet
  /** Where the rules are counted that have no limiter of their own; in memory unless given. */
  readonly limitStore: LimitStore | undefined
  /** The output a request without a cap of its own is taken to have, in tokens. */
  readonly defaultOutputTokens: number
}

/**
 * The limits, as two guards: requests a minute and requests in flight before the body is read,
 * tokens a minute and whatever goes by the model after it. Either all rules of a guard take, or
 * none; and what the first took, a refusal of the second gives back.
 */
export function rateLimitGuards(parts: RateLimitParts): [head: Guard, body: Guard] {
  const make = deciders(parts)
  const head = make(parts.rules.head)
  const body = make(parts.rules.body)
  return [
    {
      name: 'rate-limit',
      phase: 'head',
      enter: (exchange) => head.enter(exchange),
      leave: (exchange) => head.leave(exchange),
    },
    {
      name: 'token-limit',
      phase: 'body',
      enter(exchange) {
        // Before the rules are asked: what is wrong with a body is not refused by a rule, and counts.
        body.estimate(exchange)
        return whenDone(
          () => body.enter(exchange),
          (refusal) => giveBackIfRefused(head, exchange, refusal),
          (error) => giveBackAndThrow(head, exchange, error),
        )
      },
      flow: (exchange, outputTokens) => body.flow(exchange, outputTokens),
      leave: (exchange, outcome) => body.correct(exchange, outcome),
    },
  ]
}

/** A refusal by a rule of the body takes nothing from the rules of the head either. */
function giveBackIfRefused(
  head: Decider,
  exchange: Exchange,
  refusal: GatewayError | undefined,
): GatewayError | undefined {
  if (refusal !== undefined) head.giveBack(exchange)
  return refusal
}

/** Nor does a failure. */
function giveBackAndThrow(head: Decider, exchange: Exchange, error: unknown): never {
  head.giveBack(exchange)
  throw error
}

/** Makes what decides the rules of a phase. */
function deciders(parts: RateLimitParts): (rules: PhaseRules) => Decider {
  const { limitStore: store, stores, clock, events, whenLimitsFail, instances = 1 } = parts
  const counting: CountingParts = {
    clock,
    events,
    tokensOf(exchange) {
      const estimate = estimateOf(exchange, parts.defaultOutputTokens)
      return estimate === undefined ? 0 : estimate.inputTokens + estimate.outputTokens
    },
  }
  const limitersOf = (rules: PhaseRules): SharedLimiter[] =>
    rules.limiters.map((rule) => new SharedLimiter(rule, parts))
  if (store === undefined) {
    return (rules) => new Decider(limitersOf(rules), undefined, new MemoryLimits(rules, counting))
  }
  const calls = stores.callsOf('limits', store)
  const places = new Places(store, calls, clock)
  return (rules) => {
    const stored = storedOf(rules)
    const local = new MemoryLimits(shareOf(stored, instances), counting, true)
    const whenFails = whenLimitsFail ?? 'local'
    const inStore = new StoredLimits(stored, {
      ...counting,
      store,
      calls,
      places,
      whenFails,
      local,
    })
    const inMemory = new MemoryLimits(unstoredOf(rules), counting)
    return new Decider([...limitersOf(rules), inStore], inStore, inMemory)
  }
}

/** Decides one phase's rules together. */
class Decider {
  readonly #shared: readonly SharedLimits[]
  readonly #stored: StoredLimits | undefined
  readonly #memory: MemoryLimits

  /** @param stored the one among the shared limits that is a store */
  constructor(
    shared: readonly SharedLimits[],
    stored: StoredLimits | undefined,
    memory: MemoryLimits,
  ) {
    this.#shared = shared
    this.#stored = stored
    this.#memory = memory
  }

  /**
   * Works out what the rules will ask for.
   *
   * @throws GatewayError for a body that tells no cost
   */
  estimate(exchange: Exchange): void {
    this.#memory.estimate(exchange)
    this.#stored?.estimate(exchange)
  }

  /** Takes for a request, or returns why it is refused. */
  enter(exchange: Exchange): GatewayError | undefined | Promise<GatewayError | undefined> {
    const refusal = this.#memory.refusal(exchange)
    if (refusal !== undefined) return refusal
    if (this.#shared.length > 0) return this.#takeAll(exchange)
    if (this.#memory.take(exchange)) announceLimits(exchange)
    return undefined
  }

  /** Takes from the limits that must be waited for and from those that need not be, or from none. */
  async #takeAll(exchange: Exchange): Promise<GatewayError | undefined> {
    const all: GiveBack[] = []
    const enforced: GiveBack[] = []
    let passed = false
    try {
      for (const limits of this.#shared) {
        const refusal = await limits.take(exchange, (undo, observe) => {
          all.push(undo)
          if (!observe) enforced.push(undo)
        })
        if (refusal !== undefined) return refusal
      }
      keep(exchange, new TakenShared(this, enforced, exchange.limits.length))
      // While they were waited for, other requests went on.
      const refusal = this.#memory.refusal(exchange)
      if (refusal !== undefined) return refusal
      this.#memory.take(exchange)
      if (exchange.limits.length > 0) announceLimits(exchange)
      passed = true
      return undefined
    } finally {
      if (!passed) for (const undo of all) undo()
    }
  }

  /** Gives back what this phase took from the enforced rules, and notes where they stand then. */
  giveBack(exchange: Exchange): void {
    const taken = keptOf(exchange, TakenShared, this)
    this.#memory.giveBack(exchange, taken?.states ?? 0)
    for (const undo of taken?.enforced ?? []) undo()
    if (exchange.limits.length > 0) announceLimits(exchange)
  }

  /** Takes what a stream has put out beyond its estimate. */
  flow(exchange: Exchange, outputTokens: number): void {
    const { estimate } = exchange
    if (estimate === undefined) return
    const known = keptOf(exchange, Flowed, this)
    const taken = known?.tokens ?? estimate.inputTokens + estimate.outputTokens
    const tokens = estimate.inputTokens + outputTokens
    if (tokens <= taken) return
    this.#correct(exchange, tokens)
    if (known === undefined) keep(exchange, new Flowed(this, tokens))
    else known.tokens = tokens
  }

  /** Puts the tokens that were used in the place of those that were taken. */
  correct(exchange: Exchange, outcome: Outcome): void {
    const used = tokensUsed(exchange, outcome)
    if (used !== undefined) this.#correct(exchange, used)
  }

  #correct(exchange: Exchange, usedTokens: number): void {
    const takenTokens = keptOf(exchange, Flowed, this)?.tokens
    this.#memory.correct(exchange, usedTokens, takenTokens)
    this.#stored?.correct(exchange, usedTokens, takenTokens)
  }

  /** Gives up the places of a request that is over. */
  leave(exchange: Exchange): void {
    this.#memory.leave(exchange)
    this.#stored?.leave(exchange)
  }
}

/** What the enforced shared limits took for a request, and behind how many states memory's stand. */
class TakenShared extends Kept {
  readonly enforced: readonly GiveBack[]
  readonly states: number

  constructor(decider: Decider, enforced: readonly GiveBack[], states: number) {
    super(decider)
    this.enforced = enforced
    this.states = states
  }
}

/** The tokens taken for a stream that has put out more than was estimated. */
class Flowed extends Kept {
  tokens: number

  constructor(decider: Decider, tokens: number) {
    super(decider)
    this.tokens = tokens
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
