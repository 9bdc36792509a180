import { exchangeOf, NodeExchange } from '@lazu/core'
import type { Request, Response } from 'express'
import './request.js'

class ExpressExchange extends NodeExchange {
  readonly #request: Request

  constructor(request: Request, response: Response) {
    super(request, response, request.originalUrl)
    this.#request = request
  }

  override body(): unknown {
    return this.#request.body
  }
}

/** The exchange of a request; made by the first of our middlewares that sees it. */
export function exchangeFor(request: Request, response: Response): NodeExchange {
  const known = exchangeOf(request)
  if (known !== undefined) return known
  const exchange = new ExpressExchange(request, response)
  request.lazu = exchange
  return exchange
}
