import { Readable } from 'node:stream'
import { GatewayError, type NodeExchange } from '@lazu/core'
import type { AnswerHead, Flow, Sink, WholeAnswer } from './answer.js'
import type { UpstreamTimeouts } from './channel-options.js'
import { UpstreamCall, type CallOptions, type CallResult } from './failover.js'

/** A request of a handler's own. */
export interface CallRequest {
  /** The endpoint, as clients ask for it, with its query: `/v1/chat/completions`. */
  path: string
  /** POST unless given, and GET when there is no body. */
  method?: string | undefined
  /** What is sent as JSON. */
  body?: Readonly<Record<string, unknown>> | undefined
  /** Whose channels serve it; the model the body or the path names unless given. */
  model?: string | undefined
  /**
   * Time limits of this call, beside those of its channels: `total` for all attempts together, the
   * others for each of them.
   */
  timeout?: UpstreamTimeouts | undefined
}

/** The answer of an upstream, always a 2xx. */
export class UpstreamAnswer {
  readonly status: number
  readonly contentType: string
  /**
   * The body as it comes. Whoever does not want its rest destroys it. It fails with a GatewayError when
   * the upstream breaks off.
   */
  readonly body: Readable
  readonly #value: { readonly json: unknown } | undefined

  constructor(
    { status, contentType }: Pick<AnswerHead, 'status' | 'contentType'>,
    body: Readable,
    value?: { readonly json: unknown },
  ) {
    this.status = status
    this.contentType = contentType
    this.body = body
    this.#value = value
  }

  /**
   * What the answer says in JSON.
   *
   * @throws GatewayError upstream_bad_response when it is a stream
   */
  async json(): Promise<unknown> {
    if (this.#value !== undefined) return this.#value.json
    this.body.destroy()
    throw new GatewayError('upstream_bad_response', {
      cause: new Error('the answer is a stream, and no JSON'),
    })
  }
}

/**
 * Makes a call of a handler's own.
 *
 * @throws GatewayError when there is no good answer, and the signal's reason when nobody waits for one
 */
export function call(
  exchange: NodeExchange,
  options: Omit<CallOptions, 'exchange' | 'begin'>,
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const { signal } = exchange
    let body: BodyStream | undefined
    // Whether or not the call is still read for its usage, its handler gets no more of it.
    const leave = (): void => {
      const reason = reasonOf(signal)
      body?.leave(reason)
      reject(reason)
    }
    if (signal.aborted) {
      leave()
      return
    }
    signal.addEventListener('abort', leave)
    const made = new UpstreamCall({
      ...options,
      exchange,
      begin(head, flow) {
        body = new BodyStream(flow)
        resolve(new UpstreamAnswer(head, body))
        return body.sink
      },
    })
    const ended = (result: CallResult): void => {
      if (typeof result === 'object') resolve(answerOf(result))
    }
    void made
      .run()
      .then(ended, reject)
      .finally(() => signal.removeEventListener('abort', leave))
  })
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error('nobody waits for this answer')
}

function answerOf(answer: WholeAnswer): UpstreamAnswer {
  return new UpstreamAnswer(answer, Readable.from([answer.bytes]), { json: answer.value })
}

/** A body that is read by a handler. */
class BodyStream extends Readable {
  readonly #flow: Flow
  #isLeft = false
  readonly sink: Sink = {
    write: (chunk) => this.push(chunk),
    end: () => void this.push(null),
    fail: (error) => void this.destroy(error),
  }

  constructor(flow: Flow) {
    super()
    this.#flow = flow
    // Nobody may be reading it yet, and an error that nobody listens for ends the process.
    this.on('error', () => {})
  }

  /** Breaks off because nobody waits for it. What becomes of the call is decided elsewhere. */
  leave(reason: Error): void {
    this.#isLeft = true
    this.destroy(reason)
  }

  override _read(): void {
    this.#flow.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isLeft) this.#flow.giveUp()
    callback(error)
  }
}
