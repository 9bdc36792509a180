import { retryAfterOf } from '@lazu/core'
import type { Dispatcher } from 'undici'
import type { JsonAnswer } from './answer-body.js'
import { bodyHeadersOf, type BodyHeaders } from './answer-headers.js'
import type { AnswerHead, Flow, Sink, WholeAnswer } from './answer.js'
import { AttemptDeadlines } from './attempt-deadlines.js'
import type { AttemptOptions } from './attempt-options.js'
import { BodyReader, type BodyReceiver } from './body-reader.js'
import type { Connection } from './connections.js'
import { bodyKindOf, contentTypeFor } from './content-type.js'
import {
  answeredWith,
  badAnswer,
  brokenBody,
  channelsClosed,
  channelTimedOut,
  connectionFailed,
  emptyAnswer,
  isClosed,
  requestTimedOut,
  unknownAnswer,
  type Failure,
} from './failures.js'
import { usageOfAnswer } from './usage/usage-of-answer.js'

/**
 * How an attempt ended: with an answer, whose body may have gone to its sink; or without. `stale`: the
 * upstream ended an idle connection just when the request was sent on it.
 */
export type Attempted = WholeAnswer | 'relayed' | Failure | 'given up' | 'stale'

/** An upstream that ends a connection later than this has had time to work on the request. */
const longestStaleMs = 1_000

/** How much text a stream puts out from one telling to the next. */
const flowStepBytes = 1_024

/** What connections are ended with; nobody sees it. */
const nobodyWaits = new Error('nobody waits for this answer any more')

/** One call to one channel. */
export class Attempt implements Dispatcher.DispatchHandler, BodyReceiver, Flow {
  readonly #options: AttemptOptions
  readonly #deadlines: AttemptDeadlines
  readonly #isProbe: boolean
  #settle: (attempted: Attempted) => void = () => {}
  #isOver = false
  #connection: Connection | undefined
  #sentAtMs = 0
  #isAnswered = false
  #status: number | undefined
  #controller: Dispatcher.DispatchController | undefined
  #head: AnswerHead | undefined
  #body: BodyReader | undefined
  #sink: Sink | undefined
  #isPaused = false
  /** What was told of a stream's text, in bytes. */
  #flowedBytes = 0
  /** Whether the upstream's answer was read to its end, so that the connection is good for another. */
  #isRead = false

  constructor(options: AttemptOptions) {
    const { channel, clock, limits } = options
    this.#options = options
    this.#isProbe = channel.breaker.sent()
    this.#deadlines = new AttemptDeadlines(clock, {
      ofChannel: channel.limits,
      ofRequest: limits,
      channelExpired: (phase, ms) => this.fail(channelTimedOut(channel.name, phase, ms)),
      requestExpired: (phase, ms) => this.fail(requestTimedOut(channel.name, phase, ms)),
    })
  }

  /** Sends the request, and tells how it ended. */
  run(): Promise<Attempted> {
    const { channel, clock, isFresh, sent } = this.#options
    const { method, path, headers, body } = sent
    return new Promise((resolve) => {
      this.#settle = resolve
      const connection = channel.connections.take(isFresh)
      if (connection === undefined) {
        this.fail(channelsClosed(channel.name))
        return
      }
      this.#connection = connection
      this.#sentAtMs = clock.monotonicMs()
      connection.send({ method, path, headers, body }, this)
    })
  }

  /** Ends it because nobody waits for it any more. That says nothing of the channel. */
  giveUp(): void {
    if (this.#isOver) return
    this.#options.channel.breaker.brokenOff(this.#isProbe)
    if (this.#sink !== undefined) this.#tellUsed(false)
    this.#end('given up')
  }

  /** Ends it with a failure. */
  fail(failure: Failure): void {
    if (this.#isOver) return
    this.#tellBreaker(failure)
    const sink = this.#sink
    if (sink !== undefined) {
      this.#tellUsed(false)
      this.#options.broke(failure)
    }
    this.#end(sink === undefined ? failure : 'relayed')
    sink?.fail(failure.error)
  }

  /** The rest of a body that has begun goes to another sink. */
  divert(sink: Sink): void {
    if (this.#sink === undefined) return
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#deadlines.resume()
    this.#body?.resume()
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#deadlines.connected()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#isAnswered = true
    // Those before 200 announce another one.
    if (this.#isOver || status < 200) return
    this.#status = status
    const { channel, clock, dialect, sent } = this.#options
    if (status >= 300) {
      const retryAfterMs = retryAfterOf(headers, clock.wallMs())
      this.fail(answeredWith(channel.name, status, dialect, retryAfterMs))
    } else if (status === 204 && sent.method === 'DELETE') {
      this.#head = { status, contentType: '', isEventStream: false }
    } else if (status === 204 || headers['content-length'] === '0') {
      this.fail(emptyAnswer(channel.name))
    } else {
      this.#beginBody(status, bodyHeadersOf(headers))
    }
  }

  #beginBody(status: number, headers: BodyHeaders | undefined): void {
    const { channel, dialect, maxAnswerBytes, request, sent } = this.#options
    if (headers === undefined) {
      this.fail(badAnswer(channel.name, 'its answer tells its type or its coding twice'))
      return
    }
    const { contentType, coding } = headers
    const kind = bodyKindOf(contentType)
    if (kind === undefined) {
      this.fail(unknownAnswer(channel.name, contentType))
      return
    }
    const { protocol, endpoint: path } = request
    const { hidesUsage } = sent
    const options = { kind, protocol, path, dialect, hidesUsage, maxBytes: maxAnswerBytes }
    this.#body = new BodyReader(options, this)
    if (coding !== '' && !this.#body.decompress(coding)) {
      this.fail(badAnswer(channel.name, 'its answer has a coding that nobody asked for'))
      return
    }
    const isEventStream = kind === 'events'
    this.#head = { status, contentType: contentTypeFor(contentType, kind), isEventStream }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#deadlines.received()
    this.#body?.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#isOver) return
    this.#isRead = true
    if (this.#body === undefined) this.whole({ bytes: Buffer.alloc(0), value: undefined })
    else this.#body.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return
    const { channel } = this.#options
    if (this.#isStale(error)) {
      channel.breaker.brokenOff(this.#isProbe)
      this.#end('stale')
    } else this.fail(connectionFailed(channel.name, error, this.#status))
  }

  #isStale(error: Error): boolean {
    if (this.#isAnswered || this.#connection?.isReused !== true || !isClosed(error)) return false
    return this.#options.clock.monotonicMs() - this.#sentAtMs < longestStaleMs
  }

  pass(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#sink === undefined) this.#begin()
    const takesMore = this.#sink?.write(chunk) !== false
    this.#tellFlowed()
    if (takesMore) return
    this.#isPaused = true
    this.#deadlines.pause()
    this.#controller?.pause()
    this.#body?.pause()
  }

  #tellFlowed(): void {
    const { outputBytes = 0 } = this.#body?.used ?? {}
    if (outputBytes < this.#flowedBytes + flowStepBytes) return
    this.#flowedBytes = outputBytes
    this.#options.flowed(outputBytes)
  }

  whole({ bytes, value }: JsonAnswer): void {
    if (this.#isOver) return
    const { request, channel } = this.#options
    const usage = usageOfAnswer(request.protocol, request.endpoint, value)
    this.#options.used({ usage, outputBytes: 0, isComplete: true })
    const { status = 200, contentType = '' } = this.#head ?? {}
    channel.breaker.succeeded()
    this.#end({ status, contentType, bytes, value })
  }

  end(): void {
    if (this.#isOver) return
    const { channel } = this.#options
    if (this.#sink === undefined) {
      this.fail(emptyAnswer(channel.name))
      return
    }
    this.#tellUsed(true)
    channel.breaker.succeeded()
    this.#end('relayed')
    this.#sink.end()
  }

  broke(thrown: unknown, unsent?: Buffer): void {
    if (unsent !== undefined && this.#sink !== undefined) this.pass(unsent)
    this.fail(brokenBody(this.#options.channel.name, thrown))
  }

  #begin(): void {
    const head = this.#head
    if (head === undefined) return
    this.#options.channel.breaker.answered()
    this.#sink = this.#options.begin(head, this)
  }

  #tellUsed(isComplete: boolean): void {
    const { usage, outputBytes = 0 } = this.#body?.used ?? {}
    this.#options.used({ usage, outputBytes, isComplete })
  }

  #tellBreaker({ blame, error, status }: Failure): void {
    const { breaker } = this.#options.channel
    const nowMs = this.#options.clock.monotonicMs()
    if (blame === 'channel') breaker.failed(nowMs, this.#isProbe)
    else if (blame === 'busy') breaker.busy(nowMs, error.retryAfterMs)
    else if (status === undefined) breaker.brokenOff(this.#isProbe)
    else breaker.answered()
  }

  /** Ends the connection unless its answer is complete, and the timers. */
  #end(attempted: Attempted): void {
    this.#isOver = true
    this.#deadlines.cancel()
    this.#body?.destroy()
    this.#endConnection()
    this.#settle(attempted)
  }

  #endConnection(): void {
    const connection = this.#connection
    if (connection === undefined) return
    const { connections } = this.#options.channel
    if (this.#isRead) connections.release(connection)
    else connections.destroy(connection, nobodyWaits)
  }
}
