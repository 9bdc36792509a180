import { GatewayError } from './errors/gateway-error.js'
import type { Exchange, Outcome } from './exchange.js'
import { mayHaveLostHeaders } from './net/lost-headers.js'
import type { NodeExchange } from './node-exchange.js'
import type { Settings } from './settings.js'

/** `head` guards run before the body is read, `body` guards once the framework has parsed it. */
export type Phase = 'head' | 'body'

/**
 * One check.
 *
 * @example A guard that lets nobody in at night:
 * ```ts
 * const daytime: Guard = {
 *   name: 'daytime',
 *   phase: 'head',
 *   enter() {
 *     if (new Date().getHours() < 6) throw new GatewayError('access_denied', { message: 'Good night.' })
 *   },
 * }
 * ```
 */
export interface Guard {
  readonly name: string
  readonly phase: Phase
  /**
   * Lets the request pass by returning nothing, or refuses it by throwing a GatewayError. One that is
   * returned refuses it as well, and costs a good part less: for what anybody can have refused all day
   * long. Returns a promise only when it must wait.
   */
  enter(exchange: Exchange): void | GatewayError | Promise<void | GatewayError>
  /**
   * Runs once when the exchange is over, however it ended, and only if `enter` passed. What it
   * throws reaches the log, never the client.
   */
  leave?(exchange: Exchange, outcome: Outcome): void | Promise<void>
  /**
   * Told now and then while a stream flows through a relay: how many tokens it has put out so far, as
   * far as its text tells.
   */
  flow?(exchange: Exchange, outputTokens: number): void
}

/**
 * Guards in their order. A guard that a request has passed already, because it is mounted twice,
 * is not entered again.
 */
export class Pipeline {
  readonly settings: Settings
  readonly #head: readonly Guard[]
  readonly #body: readonly Guard[]
  readonly #all: readonly Guard[]

  constructor(guards: readonly Guard[], settings: Settings) {
    this.settings = settings
    this.#head = guards.filter((guard) => guard.phase === 'head')
    this.#body = guards.filter((guard) => guard.phase === 'body')
    this.#all = [...this.#head, ...this.#body]
  }

  /**
   * Enters the guards of a phase, or of both. True when the request may go on; false when it was
   * answered. A promise only when a guard had to wait. Never throws.
   */
  enter(exchange: NodeExchange, phase?: Phase): boolean | Promise<boolean> {
    exchange.adopt(this.settings)
    if (mayHaveLostHeaders(exchange.raw.request)) {
      exchange.refuse(tooManyHeaders())
      return false
    }
    if (phase === undefined) return this.#enterFrom(0, this.#all, exchange)
    return this.#enterFrom(0, phase === 'head' ? this.#head : this.#body, exchange)
  }

  #enterFrom(
    start: number,
    guards: readonly Guard[],
    exchange: NodeExchange,
  ): boolean | Promise<boolean> {
    for (let index = start; index < guards.length; index++) {
      const guard = guards[index]
      if (guard === undefined || !exchange.meets(guard)) continue
      if (exchange.answered) return false
      let entered: ReturnType<Guard['enter']>
      try {
        entered = guard.enter(exchange)
      } catch (error) {
        exchange.refuse(error, guard.name)
        return false
      }
      if (GatewayError.is(entered)) {
        exchange.refuse(entered, guard.name)
        return false
      }
      if (entered !== undefined) return this.#enterAfter(entered, index, guards, exchange)
      exchange.passed(guard)
    }
    return !exchange.answered
  }

  async #enterAfter(
    waiting: Promise<void | GatewayError>,
    index: number,
    guards: readonly Guard[],
    exchange: NodeExchange,
  ): Promise<boolean> {
    // A client that leaves in the meantime is noticed only by whoever is watching then.
    exchange.watch()
    const guard = guards[index]
    let refusal: unknown
    try {
      refusal = await waiting
    } catch (error) {
      exchange.refuse(error, guard?.name)
      return false
    }
    if (GatewayError.is(refusal)) {
      exchange.refuse(refusal, guard?.name)
      return false
    }
    if (guard !== undefined) exchange.passed(guard)
    return this.#enterFrom(index + 1, guards, exchange)
  }
}

function tooManyHeaders(): GatewayError {
  return new GatewayError('request_invalid', {
    status: 431,
    message: 'The request has too many headers.',
  })
}
