import {
  tokensOfBytes,
  withSeenOutput,
  type NodeExchange,
  type RelayedUsage,
  type Usage,
} from '@lazu/core'
import type { Used } from './attempt-options.js'

/** Whose answer it was: it is charged at that price. */
type ServedBy = Omit<RelayedUsage, 'usage'>

/**
 * Charges what an answer used. A handler's own charge wins; several answers for one request add up, each
 * at the price of its model and lane. Where an answer that came to its end told no usage, it is the input
 * as it was estimated, and the text that flowed. What that was of one that broke off is noted for the
 * gateway's `brokenStream`.
 */
export function chargeUsed(exchange: NodeExchange, used: Used, by: ServedBy): void {
  exchange.lane = by.lane
  if (used.usage === undefined && used.outputBytes > 0) {
    const seenTokens = tokensOfBytes(used.outputBytes)
    exchange.observedOutputTokens = (exchange.observedOutputTokens ?? 0) + seenTokens
  }
  const usage = used.usage ?? estimateOf(exchange, used)
  if (usage !== undefined) exchange.chargeRelayed({ model: by.model, lane: by.lane, usage })
}

/** Bytes of text a token has at least, mostly: what has flowed is not to be taken for more than it is. */
const usualBytesPerToken = 4

/** Counts a stream against the tokens a minute while it flows. Its usage corrects that at the end. */
export function tellFlow(exchange: NodeExchange, outputBytes: number): void {
  exchange.flow(Math.floor(outputBytes / usualBytesPerToken))
}

function estimateOf(exchange: NodeExchange, used: Used): Usage | undefined {
  const { estimate } = exchange
  if (estimate === undefined || !used.isComplete || used.outputBytes === 0) return undefined
  return withSeenOutput(estimate, tokensOfBytes(used.outputBytes))
}
