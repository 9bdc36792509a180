import type { IncomingMessage, ServerResponse } from 'node:http'
import { classify } from './errors/classify.js'
import type { Condition } from './errors/conditions.js'
import { formatEnvelope, formatError } from './errors/format.js'
import { GatewayError, type GatewayErrorOptions, type Hints } from './errors/gateway-error.js'
import type { Exchange, Outcome, Reply } from './exchange.js'
import { rememberExchange } from './exchange-of.js'
import { silence } from './lib/silence.js'
import type { RuleState } from './limits/rule.js'
import {
  clearBodyHeaders,
  isEventStream,
  leavesBodyUnread,
  lingerBeforeClosing,
  whenOver,
  writeReply,
} from './node-response.js'
import type { Kept } from './kept.js'
import type { Guard } from './pipeline.js'
import type { Reservation } from './quota/ledger.js'
import { addUsage } from './quota/add-usage.js'
import { chargeOf } from './quota/charge.js'
import { withRelayed, type RelayedUsage } from './quota/relayed-usage.js'
import type { Charge, Estimate } from './quota/usage.js'
import type { RequestContext } from './request-context.js'
import type { Settings } from './settings.js'
import { ToldRequest } from './told-request.js'

/**
 * An exchange on Node's own request and response, which is what Express, Koa and Fastify stand on.
 * An adapter says how its framework hands out a parsed body and takes an answer.
 */
export abstract class NodeExchange extends ToldRequest implements Exchange, RequestContext {
  readonly limits: RuleState[] = []
  reservation: Reservation | undefined
  model: string | undefined
  estimate: Estimate | undefined
  charged: Charge | undefined
  relayed: readonly RelayedUsage[] | undefined
  lane: string | undefined
  observedOutputTokens: number | undefined
  kept: Kept | undefined
  refusedBy: string | undefined

  #suggest: ((error: GatewayError, exchange: Exchange) => Hints) | undefined
  #abort: AbortController | undefined
  #watching = false
  #entered: Guard[] = []
  #error: GatewayError | undefined
  #state: 'open' | 'answered' | 'interrupted' = 'open'
  #outcome: Outcome | undefined
  #silenced = false
  #unfinished: Promise<unknown> | undefined

  /** @param target the request's target as the client sent it, before any mount */
  constructor(request: IncomingMessage, response: ServerResponse, target: string) {
    super(request, response, target)
    rememberExchange(request, this)
  }

  /** What the framework parsed; undefined before it has. */
  abstract body(): unknown

  /** Gives an answer while the framework waits for one. */
  protected send(reply: Reply): void {
    this.sendNow(reply)
  }

  /** Gives an answer while the framework waits for the handler. */
  protected sendNow(reply: Reply): void {
    writeReply(this.raw.response, reply, this.method)
  }

  /**
   * The response, for whoever writes it past the framework, which answers nothing any more. What fails
   * from now on is told to {@link refuse}, and never thrown to the framework.
   */
  takeOver(): ServerResponse {
    return this.raw.response
  }

  /**
   * Keeps the guards from leaving until something is over that may outlive the response: what is still
   * read from an upstream to know the charge. Of several, until all are.
   */
  leaveAfter(work: Promise<unknown>): void {
    const before = this.#unfinished
    this.#unfinished = before === undefined ? work : Promise.allSettled([before, work])
  }

  /** Takes over what a middleware of ours was told. */
  override adopt(settings: Settings): void {
    super.adopt(settings)
    if (settings.suggest !== undefined) this.#suggest = settings.suggest
  }

  /** What may be suggested to this caller about an error. */
  suggest(error: GatewayError): Hints {
    return this.#suggest?.(error, this) ?? {}
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#outcome?.completed === false) this.#abort.abort(this.#error ?? clientLeft())
      else if (this.#state === 'interrupted') this.#abort.abort(this.#error)
      else this.watch()
    }
    return this.#abort.signal
  }

  /** Whether an answer was given or nobody waits for one, so that no handler need run. */
  get answered(): boolean {
    return this.#state !== 'open' || this.#outcome !== undefined
  }

  /** Whether the answer was given on behalf of a handler that was still running. */
  get interrupted(): boolean {
    return this.#state === 'interrupted'
  }

  charge(usage: Charge | object): void {
    this.charged = chargeOf(usage)
    this.relayed = undefined
  }

  /** Charges what a call to an upstream used, beside the calls before. A handler's own charge wins. */
  chargeRelayed(call: RelayedUsage): void {
    if (this.charged !== undefined && this.relayed === undefined) return
    this.relayed = withRelayed(this.relayed ?? [], call)
    this.charged = this.relayed.map(({ usage }) => usage).reduce(addUsage)
  }

  fail(condition: Condition, options?: GatewayErrorOptions): never {
    const error = new GatewayError(condition, options)
    error.dialect = this.dialect
    throw error
  }

  /** Whether a guard is to be entered: the first time it is met. */
  meets(guard: Guard): boolean {
    return !this.#entered.includes(guard)
  }

  /** Notes that a guard let the request pass, so that it is told how it ended. */
  passed(guard: Guard): void {
    this.#entered.push(guard)
    if (guard.leave === undefined) return
    // Whoever waited for a store may find that the client has left in the meantime.
    if (this.#outcome !== undefined) this.#leave(guard, this.#outcome)
    else this.watch()
  }

  /** Tells the guards how many tokens a stream has put out so far. */
  flow(outputTokens: number): void {
    for (const guard of this.#entered) guard.flow?.(this, outputTokens)
  }

  passedGuards(): string[] {
    return this.#entered.map((guard) => guard.name)
  }

  /**
   * Answers with whatever was thrown, as far as an answer is still possible.
   *
   * @param by the name of the guard that threw it
   */
  refuse(thrown: unknown, by?: string): void {
    this.#answer(this.#classify(thrown), 'answered', by, (reply) => this.send(reply))
  }

  /** The same where the framework has given up the response, and waits for no answer. */
  refuseNow(thrown: unknown): void {
    this.#answer(this.#classify(thrown), 'answered', undefined, (reply) => this.sendNow(reply))
  }

  /** The request's own connection fails with the same errors as one to an upstream. */
  #classify(thrown: unknown): GatewayError {
    const { errored, socket } = this.raw.request
    // Not instanceof, which a Proxy may throw from; mocks of sockets have no such member.
    const isError = thrown !== null && thrown !== undefined
    const isOurs = isError && (thrown === errored || thrown === socket.errored)
    return isOurs
      ? new GatewayError('body_unreadable', { cause: thrown })
      : classify(thrown, this.dialect)
  }

  interrupt(error: GatewayError, by: string): void {
    this.#answer(error, 'interrupted', by, (reply) => this.sendNow(reply))
    if (!this.interrupted) return
    this.#silenceWhenSent()
    // After the answer, so that a handler that reacts to the signal at once comes too late.
    this.#abort?.abort(error)
  }

  #answer(
    error: GatewayError,
    state: 'answered' | 'interrupted',
    by: string | undefined,
    send: (reply: Reply) => void,
  ): void {
    const { request, response } = this.raw
    // A response whose client has left takes what is written and even says that it is finished.
    const over = response.writableEnded || response.destroyed || request.socket.destroyed
    if (this.#state !== 'open' || over) {
      // Nobody can be told any more; a bug must not pass unseen for that.
      if (error.condition === 'internal_error') {
        this.report('internal_error after the response was over', error.cause)
      }
      return
    }
    this.#state = state
    this.#error = error
    this.refusedBy = by
    this.watch()
    this.tell(error)
    if (response.headersSent) {
      this.#breakOff(error)
      return
    }
    clearBodyHeaders(response)
    this.announceRequestId()
    if (leavesBodyUnread(request, state === 'interrupted')) {
      this.setHeader('connection', 'close')
      lingerBeforeClosing(request)
    }
    send(formatError(error, this))
  }

  /** The response has begun: an event stream ends with the error, anything else is cut off. */
  #breakOff(error: GatewayError): void {
    const { response } = this.raw
    if (isEventStream(response)) response.end(this.streamFrame(error))
    else response.destroy()
  }

  /** The error as an event of a stream that has begun. */
  protected streamFrame(error: GatewayError): string {
    return this.format.streamFrame(formatEnvelope(error, this))
  }

  /** Notes that a stream ended with an error frame, and tells it. Returns the frame. */
  brokenStream(thrown: unknown): string {
    const error = classify(thrown, this.dialect)
    if (this.#error === undefined) {
      this.#error = error
      this.tell(error)
    }
    return this.streamFrame(error)
  }

  #silenceWhenSent(): void {
    const { response } = this.raw
    const silenceNow = (): void => {
      if (this.#silenced) return
      this.#silenced = true
      silence(response, () => this.lateWrite())
    }
    if (response.writableEnded || response.destroyed) silenceNow()
    else response.once('finish', silenceNow)
  }

  /** Waits for the one signal that comes exactly once, however the response ends. */
  watch(): void {
    if (this.#watching) return
    this.#watching = true
    whenOver(this.raw.response, (problem) => this.#over(problem))
  }

  #over(problem: Error | undefined): void {
    if (this.#outcome !== undefined) return
    const { request, response } = this.raw
    // A response whose connection is gone says that it is finished, once its framework has ended it.
    const cutOff = request.httpVersionMajor < 2 && request.socket.destroyed
    const completed = !cutOff && problem === undefined
    const outcome: Outcome = { status: response.statusCode, completed, error: this.#error }
    this.#outcome = outcome
    if (!completed) this.#abort?.abort(this.#error ?? clientLeft())
    if (this.#unfinished === undefined) this.#leaveAll(outcome)
    else {
      const leaveAll = (): void => this.#leaveAll(outcome)
      this.#unfinished.then(leaveAll, leaveAll)
    }
  }

  #leaveAll(outcome: Outcome): void {
    const entered = this.#entered
    for (let index = entered.length - 1; index >= 0; index--) this.#leave(entered[index], outcome)
  }

  #leave(guard: Guard | undefined, outcome: Outcome): void {
    if (guard?.leave === undefined) return
    try {
      const leaving = guard.leave(this, outcome)
      leaving?.catch((error: unknown) => this.report(`the guard ${guard.name} failed`, error))
    } catch (error) {
      this.report(`the guard ${guard.name} failed`, error)
    }
  }
}

function clientLeft(): DOMException {
  return new DOMException('The client closed the connection.', 'AbortError')
}

/**
 * The exchange behind what a handler sees: `request.lazu`, `ctx.lazu`.
 *
 * @throws TypeError for what was made by nobody of ours
 */
export function exchangeBehind(context: RequestContext): NodeExchange {
  if (context instanceof NodeExchange) return context
  throw new TypeError('Give what lazu put on the request: request.lazu, or ctx.lazu in Koa')
}
