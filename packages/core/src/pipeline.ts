import type { Exchange, Outcome } from './exchange.js'

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
   * Lets the request pass by returning, or refuses it by throwing a GatewayError. Returns a promise
   * only when it must wait.
   */
  enter(exchange: Exchange): void | Promise<void>
  /**
   * Runs once when the exchange is over, however it ended, and only if `enter` passed. What it
   * throws reaches the log, never the client.
   */
  leave?(exchange: Exchange, outcome: Outcome): void | Promise<void>
}
