import { GatewayError, type NodeExchange, type Timer } from '@lazu/core'
import type { AnswerHead, Flow, Sink, WholeAnswer } from './answer.js'
import { Attempt, type Attempted } from './attempt.js'
import type { ChannelChoice } from './channel-choice.js'
import type { Channel } from './channel.js'
import { chargeUsed, tellFlow } from './charging.js'
import type { TimeLimits } from './deadlines.js'
import type { Drains } from './drains.js'
import { Failure, requestTimedOut } from './failures.js'
import { requestTo, type ChannelRequest, type UpstreamRequest } from './upstream-request.js'

/** What all calls share. */
export interface CallSettings {
  /** How many other channels are tried. */
  readonly retries: number
  readonly maxAnswerBytes: number
  /** Where calls go whose client has left; undefined: they are broken off. */
  readonly drains: Drains | undefined
}

/** What one call is made of. */
export interface CallOptions {
  readonly exchange: NodeExchange
  readonly choice: ChannelChoice
  readonly request: UpstreamRequest
  readonly settings: CallSettings
  /** The request's own time limits: `total` for all attempts together, the others for each of them. */
  readonly limits: TimeLimits | undefined
  /** Says where a body goes that is passed on while it comes. */
  begin(head: AnswerHead, flow: Flow): Sink
}

/** How a call ended, when it did not fail: `relayed` when its body went to its sink. */
export type CallResult = WholeAnswer | 'relayed' | 'given up'

/** One call for one request: to a channel, and to another one when that fails. */
export class UpstreamCall {
  readonly #options: CallOptions
  readonly #tried: Channel[] = []
  #attempt: Attempt | undefined
  #isGone = false
  /** What came of it when the request's total was over. */
  #overdue: Failure | undefined
  #result: Promise<CallResult> | undefined

  constructor(options: CallOptions) {
    this.#options = options
  }

  /**
   * Makes the call. Given up when the client has left or the gateway's deadline is over.
   *
   * @throws GatewayError when no channel could be asked, and of the last one that was, when it failed
   * before its body had begun
   */
  async run(): Promise<CallResult> {
    const { signal } = this.#options.exchange
    if (signal.aborted) return 'given up'
    const leave = (): void => this.#leave(signal.reason)
    signal.addEventListener('abort', leave)
    const total = this.#limitTotal()
    try {
      this.#result = this.#tryChannels()
      return await this.#result
    } finally {
      total?.cancel()
      signal.removeEventListener('abort', leave)
    }
  }

  #limitTotal(): Timer | undefined {
    const { exchange, limits } = this.#options
    const totalMs = limits?.totalMs
    if (totalMs === undefined) return undefined
    return exchange.clock.after(totalMs, () => {
      const failure = requestTimedOut(this.#tried.at(-1)?.name ?? '', 'total', totalMs)
      // The attempt may just have failed by itself: then there is no time for another one.
      this.#overdue = failure
      this.#attempt?.fail(failure)
    })
  }

  async #tryChannels(): Promise<CallResult> {
    const { choice, exchange } = this.#options
    let channel = choice.first(exchange.key?.lane, exchange.clock.monotonicMs())
    for (;;) {
      this.#tried.push(channel)
      const attempted = await this.#try(channel)
      if (!(attempted instanceof Failure)) return attempted
      const next = this.#nextAfter(attempted)
      this.#tell(channel, attempted, next !== undefined)
      if (this.#isGone) return 'given up'
      if (next === undefined) throw attempted.error
      channel = next
    }
  }

  async #try(channel: Channel): Promise<Exclude<Attempted, 'stale'>> {
    const sent = requestTo(channel, this.#options.request)
    for (let isFresh = false; ; isFresh = true) {
      const attempted = await this.#send(channel, sent, isFresh)
      if (attempted !== 'stale') return attempted
      if (this.#isGone) return 'given up'
      if (this.#overdue !== undefined) return this.#overdue
    }
  }

  #send(channel: Channel, sent: ChannelRequest, isFresh: boolean): Promise<Attempted> {
    const { exchange, limits, request, settings } = this.#options
    const { clock, dialect } = exchange
    this.#attempt = new Attempt({
      channel,
      request,
      sent,
      clock,
      dialect,
      isFresh,
      maxAnswerBytes: settings.maxAnswerBytes,
      limits: limits && { ...limits, totalMs: undefined },
      begin: (head, flow) => (this.#isGone ? nowhere : this.#options.begin(head, flow)),
      flowed: (outputBytes) => tellFlow(exchange, outputBytes),
      used: (used) => chargeUsed(exchange, used, { model: request.model, lane: channel.lane }),
      broke: (failure) => this.#tell(channel, failure, false),
    })
    return this.#attempt.run()
  }

  #nextAfter({ blame }: Failure): Channel | undefined {
    const { choice, exchange, settings } = this.#options
    if (this.#isGone || this.#overdue !== undefined || blame === 'caller') return undefined
    if (this.#tried.length > settings.retries) return undefined
    return choice.another(exchange.key?.lane, exchange.clock.monotonicMs(), this.#tried)
  }

  #tell(channel: Channel, failure: Failure, triesAnother: boolean): void {
    const { exchange } = this.#options
    if (exchange.events?.has('channelFailed') !== true) return
    exchange.events.emit('channelFailed', {
      ...exchange.facts(),
      channel: channel.name,
      condition: failure.error.condition,
      status: failure.status,
      cause: failure.cause,
      triesAnother,
    })
  }

  /** Nobody waits for the answer any more. The gateway's deadline is an error of ours; a client has none. */
  #leave(reason: unknown): void {
    this.#isGone = true
    const { drains } = this.#options.settings
    const isDrained = !GatewayError.is(reason) && drains?.begin() === true
    if (isDrained) this.#drain(drains)
    else this.#attempt?.giveUp()
  }

  #drain(drains: Drains): void {
    const { exchange } = this.#options
    const timer: Timer = exchange.clock.after(drains.forMs, () => this.#attempt?.giveUp())
    const over = (): void => {
      timer.cancel()
      drains.end()
    }
    const result = this.#result ?? Promise.resolve()
    exchange.leaveAfter(result.then(over, over))
    this.#attempt?.divert(nowhere)
  }
}

/** Where a body goes that is read for its usage alone. */
const nowhere: Sink = {
  write: () => true,
  end: () => {},
  fail: () => {},
}
