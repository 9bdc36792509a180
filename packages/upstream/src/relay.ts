import type { ServerResponse } from 'node:http'
import type { NodeExchange } from '@lazu/core'
import type { AnswerHead, Flow, Sink, WholeAnswer } from './answer.js'

/** Answers a client with an answer that was read whole. */
export function sendWhole(
  exchange: NodeExchange,
  { status, contentType, bytes }: WholeAnswer,
): void {
  const response = exchange.takeOver()
  // Whatever was deleted has neither a body nor a type.
  if (status === 204) response.writeHead(status)
  else {
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': String(bytes.length),
    })
  }
  response.end(bytes)
}

/** Begins to answer a client with a body that is still coming. */
export function relayTo(exchange: NodeExchange, head: AnswerHead, flow: Flow): Sink {
  const response = exchange.takeOver()
  response.writeHead(head.status, headersOf(head))
  response.on('drain', () => flow.resume())
  return new ResponseSink(exchange, response)
}

/** Proxies on the way must neither keep an event stream, nor wait until there is more of it. */
function headersOf({ contentType, isEventStream }: AnswerHead): Record<string, string> {
  if (!isEventStream) return { 'content-type': contentType }
  return {
    'content-type': contentType,
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  }
}

class ResponseSink implements Sink {
  readonly #exchange: NodeExchange
  readonly #response: ServerResponse

  constructor(exchange: NodeExchange, response: ServerResponse) {
    this.#exchange = exchange
    this.#response = response
  }

  write(chunk: Buffer): boolean {
    return this.#response.write(chunk)
  }

  end(): void {
    this.#response.end()
  }

  fail(error: Error): void {
    this.#exchange.refuse(error)
  }
}
