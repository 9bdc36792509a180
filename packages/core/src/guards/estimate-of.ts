import type { Exchange } from '../exchange.js'
import { estimateTokens } from '../quota/estimate.js'
import type { Estimate } from '../quota/usage.js'
import { jsonBody } from './json-body.js'

/**
 * What a request may use, worked out once for all guards that ask; undefined for methods without a
 * body.
 *
 * @throws GatewayError when the body is no JSON object, or a cap in it is no number it can be
 */
export function estimateOf(exchange: Exchange, defaultOutputTokens: number): Estimate | undefined {
  if (exchange.estimate !== undefined) return exchange.estimate
  const body = jsonBody(exchange)
  if (body === undefined) return undefined
  exchange.estimate = estimateTokens(body, { defaultOutputTokens })
  return exchange.estimate
}
