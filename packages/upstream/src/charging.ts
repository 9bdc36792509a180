import type { Charge, NodeExchange, Usage } from '@lazu/core'
import type { Used } from './attempt-options.js'

/** Bytes of text that are taken for a token where no usage is told. */
const bytesPerToken = 3

/** The charges that were made here, to be told from those a handler makes itself. */
const ours = new WeakSet<Charge>()

/**
 * Charges what an answer used. A handler's own charge wins; several answers for one request add up.
 * Where an answer that came to its end told no usage, it is the input as it was estimated, and the text
 * that flowed.
 */
export function chargeUsed(exchange: NodeExchange, used: Used): void {
  const before = exchange.charged
  if (before !== undefined && !ours.has(before)) return
  const usage = used.usage ?? estimateOf(exchange, used)
  if (usage === undefined) return
  const known = before === undefined || 'micros' in before ? undefined : before
  exchange.charge(known === undefined ? usage : sum(known, usage))
  if (exchange.charged !== undefined) ours.add(exchange.charged)
}

function estimateOf(exchange: NodeExchange, used: Used): Usage | undefined {
  const { estimate } = exchange
  if (estimate === undefined || !used.isComplete || used.outputBytes === 0) return undefined
  const outputTokens = Math.ceil(used.outputBytes / bytesPerToken)
  return {
    inputTokens: estimate.inputTokens,
    outputTokens: Math.min(outputTokens, estimate.outputTokens),
  }
}

function sum(one: Usage, other: Usage): Usage {
  const add = (name: keyof Usage): number | undefined =>
    one[name] === undefined ? other[name] : one[name] + (other[name] ?? 0)
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedInputTokens: add('cachedInputTokens'),
    audioInputTokens: add('audioInputTokens'),
    audioOutputTokens: add('audioOutputTokens'),
    imageInputTokens: add('imageInputTokens'),
  }
}
