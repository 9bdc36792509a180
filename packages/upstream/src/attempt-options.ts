import type { Clock, Dialect, Usage } from '@lazu/core'
import type { AnswerHead, Flow, Sink } from './answer.js'
import type { Channel } from './channel.js'
import type { TimeLimits } from './deadlines.js'
import type { Failure } from './failures.js'
import type { ChannelRequest, UpstreamRequest } from './upstream-request.js'

/** What an attempt is told of the call it belongs to. */
export interface AttemptOptions {
  readonly channel: Channel
  readonly request: UpstreamRequest
  /** The request as the channel gets it. */
  readonly sent: ChannelRequest
  readonly clock: Clock
  /** The client's: it says whose fault a 400 is. */
  readonly dialect: Dialect
  readonly maxAnswerBytes: number
  /** Whether it needs a connection that has served no request yet. */
  readonly isFresh: boolean
  /** The time limits the request was given for each attempt, beside those of the channel. */
  readonly limits: TimeLimits | undefined
  /** Says where the body goes, when it can be passed on while it comes. Called at most once. */
  begin(head: AnswerHead, flow: Flow): Sink
  /** Told now and then how many bytes of text a stream has put out so far. */
  flowed(outputBytes: number): void
  /** Told what was used before the sink is told of the end. */
  used(used: Used): void
  /** Told of a failure after the body has begun, before the sink is. */
  broke(failure: Failure): void
}

/** What an event stream has used: as it tells, or else the bytes of text in it. */
export interface Used {
  readonly usage: Usage | undefined
  readonly outputBytes: number
  /** Whether it came to its end. */
  readonly isComplete: boolean
}
