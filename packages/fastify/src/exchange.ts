import { validateHeaderName, validateHeaderValue, type ServerResponse } from 'node:http'
import { bodyHeaders, exchangeOf, NodeExchange, type Reply } from '@lazu/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import './request.js'

class FastifyExchange extends NodeExchange {
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply

  constructor(request: FastifyRequest, reply: FastifyReply) {
    super(request.raw, reply.raw, request.originalUrl)
    this.#request = request
    this.#reply = reply
  }

  override body(): unknown {
    return this.#request.body
  }

  /** Fastify forgets the headers of a reply that it is not to send. */
  override takeOver(): ServerResponse {
    const { raw } = this.#reply
    this.#removeHeaders(isUnsendable)
    for (const [name, value] of Object.entries(this.#reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value)
    }
    this.#reply.hijack()
    return raw
  }

  protected override send(reply: Reply): void {
    if (this.#reply.sent) {
      super.sendNow(reply)
      return
    }
    // Headers of the handler's own body wait in the reply, not yet in the response.
    this.#removeHeaders((name, value) => bodyHeaders.includes(name) || isUnsendable(name, value))
    void this.#reply.code(reply.status).headers(reply.headers).send(reply.body)
  }

  /** Removes headers that wait in the reply; those in the response are there to stay. */
  #removeHeaders(isWrong: (name: string, value: unknown) => boolean): void {
    const { raw } = this.#reply
    for (const [name, value] of Object.entries(this.#reply.getHeaders())) {
      if (value !== raw.getHeader(name) && isWrong(name, value)) this.#reply.removeHeader(name)
    }
  }

  protected override sendNow(reply: Reply): void {
    this.send(reply)
    // What the handler still sends would only be logged by Fastify.
    this.#reply.send = () => {
      this.lateWrite()
      return this.#reply
    }
  }

  protected override reportByDefault(fields: object, message: string): void {
    this.#request.log.error(fields, message)
  }
}

/** Fastify finds out about a header it cannot send when it sends the answer, ours as well. */
function isUnsendable(name: string, value: unknown): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, String(value))
    return false
  } catch {
    return true
  }
}

/** The exchange of a request; made by the first of our hooks that sees it. */
export function exchangeFor(request: FastifyRequest, reply: FastifyReply): NodeExchange {
  const known = exchangeOf(request.raw)
  if (known !== undefined) return known
  const exchange = new FastifyExchange(request, reply)
  request.lazu = exchange
  return exchange
}
