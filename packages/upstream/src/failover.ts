import { GatewayError, type NodeExchange, type Timer } from '@lazu/core'
import type { AnswerHead, Flow, Sink, WholeAnswer } from './answer.js'
import { Attempt, type Attempted } from './attempt.js'
import type { ChannelChoice } from './channel-choice.js'
import type { Channel } from './channel.js'
import { chargeUsed, tellFlow } from './charging.js'
import { Deadlines, type TimeLimits } from './deadlines.js'
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
  /** The request's own time limits. */
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
  #deadlines: Deadlines | undefined
  #attempt: Attempt | undefined
  #isGone = false
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
    const { exchange, limits } = this.#options
    const { signal } = exchange
    if (signal.aborted) return 'given up'
    const leave = (): void => this.#leave(signal.reason)
    signal.addEventListener('abort', leave)
    if (limits !== undefined) this.#deadlines = this.#limit(limits)
    try {
      this.#result = this.#tryChannels()
      return await this.#result
    } finally {
      this.#deadlines?.cancel()
      signal.removeEventListener('abort', leave)
    }
  }

  #limit(limits: TimeLimits): Deadlines {
    return new Deadlines(this.#options.exchange.clock, limits, (phase, ms) => {
      const name = this.#tried.at(-1)?.name ?? ''
      this.#attempt?.fail(requestTimedOut(name, phase, ms))
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
    // It is charged at the price of whoever serves it.
    this.#options.exchange.lane = channel.lane
    for (let isFresh = false; ; isFresh = true) {
      const attempted = await this.#send(channel, sent, isFresh)
      if (attempted !== 'stale') return attempted
      if (this.#isGone) return 'given up'
    }
  }

  #send(channel: Channel, sent: ChannelRequest, isFresh: boolean): Promise<Attempted> {
    const { exchange, request, settings } = this.#options
    const { clock, dialect } = exchange
    this.#attempt = new Attempt({
      channel,
      request,
      sent,
      clock,
      dialect,
      isFresh,
      maxAnswerBytes: settings.maxAnswerBytes,
      deadlines: this.#deadlines,
      begin: (head, flow) => (this.#isGone ? nowhere : this.#options.begin(head, flow)),
      flowed: (outputBytes) => tellFlow(exchange, outputBytes),
      used: (used) => chargeUsed(exchange, used),
      broke: (failure) => this.#tell(channel, failure, false),
    })
    return this.#attempt.run()
  }

  #nextAfter({ blame }: Failure): Channel | undefined {
    const { choice, exchange, settings } = this.#options
    if (this.#isGone || blame === 'caller' || this.#tried.length > settings.retries)
      return undefined
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
