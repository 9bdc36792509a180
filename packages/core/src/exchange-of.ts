import type { IncomingMessage } from 'node:http'
import type { NodeExchange } from './node-exchange.js'

// A property by symbol: a WeakMap costs several times as much to look up.
const key = Symbol('lazu.exchange')

/** A request that may carry an exchange. */
export interface MayHaveExchange {
  [key]?: NodeExchange
}

/** The exchange of a request that a middleware of ours has seen. */
export function exchangeOf(request: IncomingMessage & MayHaveExchange): NodeExchange | undefined {
  return request[key]
}

/** Remembers the exchange of a request for the middlewares that follow. */
export function rememberExchange(
  request: IncomingMessage & MayHaveExchange,
  exchange: NodeExchange,
): void {
  request[key] = exchange
}
