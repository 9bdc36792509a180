import { NodeExchange, plainPipeline, type CommonOptions, type FormatContext } from '@lazu/core'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** An exchange without a framework. */
export class BareExchange extends NodeExchange {
  parsed: object | undefined

  override body(): unknown {
    return this.parsed
  }
}

/** The exchange of a request that nobody sent. */
export function exchangeFor(body?: object): BareExchange {
  const request = new IncomingMessage(new Socket())
  request.method = 'POST'
  request.headers = { accept: 'application/problem+json', 'content-length': '1' }
  const response = new ServerResponse(request)
  const exchange = new BareExchange(request, response, '/v1/chat/completions')
  exchange.parsed = body
  return exchange
}

/** What the formatter is told of a request, by a server with these options. */
export function contextWith(options: CommonOptions): FormatContext {
  const exchange = exchangeFor()
  exchange.adopt(plainPipeline('bench', options).settings)
  const { dialect, requestId, format, hints } = exchange
  return { dialect, requestId, format, hints, model: 'gpt-5' }
}
