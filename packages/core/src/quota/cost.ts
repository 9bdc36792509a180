import { GatewayError } from '../errors/gateway-error.js'
import type { Price } from './price.js'
import type { Estimate, Usage } from './usage.js'

const perTokens = 1_000_000
const exactPerTokens = 1_000_000n

/** A number for each kind of tokens: the whole without its parts first, and then part by part. */
type Kinds = readonly number[]

/**
 * What a usage costs, in micro-USD: tokens times price, summed over the kinds, divided by a million
 * and rounded up once, and the price of the calls.
 *
 * Tokens of a kind of their own, cached or audio for instance, are parts of the input or the output, and
 * have their own price if there is one. Parts that are more than their whole together are cut to it:
 * audio counts first, then images, what came from a cache, what was written to one for an hour, and what
 * was written to one otherwise.
 *
 * More input tokens, output tokens or calls never cost less while the parts stay as they are. More
 * of a part may: cached tokens are mostly cheaper than the others.
 *
 * @param calls how many calls, for a price that has one for each; 1 when left out
 * @throws RangeError when a number is not a whole one from 0 up, or the cost is more than
 *   Number.MAX_SAFE_INTEGER. A cost that cannot be counted must not be charged as something else.
 * @example
 * ```ts
 * costMicros({ input: 2_500_000, output: 10_000_000 }, { inputTokens: 1_000, outputTokens: 100 }) // 3_500
 * ```
 */
export function costMicros(price: Price, usage: Usage, calls = 1): number {
  const { inputTokens, outputTokens } = usage
  checkCount('inputTokens', inputTokens)
  checkCount('outputTokens', outputTokens)
  checkCount('calls', calls)
  const ofCalls = (price.call ?? 0) * calls

  const inputs = inputTokensOf(usage)
  const outputs = outputTokensOf(usage)
  const inputPrices = inputPricesOf(price)
  const outputPrices = outputPricesOf(price)
  // Nothing here is negative: a sum that is a safe integer was computed from exact parts only.
  const total = costOf(inputs, inputPrices) + costOf(outputs, outputPrices)
  if (total <= Number.MAX_SAFE_INTEGER) return checkCost(divideUp(total) + ofCalls)

  const exactTotal = exactCostOf(inputs, inputPrices) + exactCostOf(outputs, outputPrices)
  return checkCost(Number((exactTotal + exactPerTokens - 1n) / exactPerTokens) + ofCalls)
}

/** The tokens of each kind of input: each part cut to what those before leave of the whole, and the rest. */
function inputTokensOf(usage: Usage): Kinds {
  let rest = usage.inputTokens
  const audio = partOf(rest, 'audioInputTokens', usage.audioInputTokens)
  rest -= audio
  const image = partOf(rest, 'imageInputTokens', usage.imageInputTokens)
  rest -= image
  const cached = partOf(rest, 'cachedInputTokens', usage.cachedInputTokens)
  rest -= cached
  const longWrite = partOf(rest, 'longCacheWriteInputTokens', usage.longCacheWriteInputTokens)
  rest -= longWrite
  const write = partOf(rest, 'cacheWriteInputTokens', usage.cacheWriteInputTokens)
  return [rest - write, audio, image, cached, longWrite, write]
}

/** What a token of each kind costs, in the same order. */
function inputPricesOf(price: Price): Kinds {
  const { input, cacheWriteInput: write = input } = price
  return [
    input,
    price.audioInput ?? input,
    price.imageInput ?? input,
    price.cachedInput ?? input,
    price.longCacheWriteInput ?? write,
    write,
  ]
}

/** The same of the output. */
function outputTokensOf(usage: Usage): Kinds {
  let rest = usage.outputTokens
  const audio = partOf(rest, 'audioOutputTokens', usage.audioOutputTokens)
  rest -= audio
  const image = partOf(rest, 'imageOutputTokens', usage.imageOutputTokens)
  return [rest - image, audio, image]
}

function outputPricesOf({ output, audioOutput = output, imageOutput = output }: Price): Kinds {
  return [output, audioOutput, imageOutput]
}

function costOf(tokens: Kinds, prices: Kinds): number {
  let total = 0
  for (let kind = 0; kind < tokens.length; kind++)
    total += (tokens[kind] ?? 0) * (prices[kind] ?? 0)
  return total
}

/** The same where it is more than a double can hold. */
function exactCostOf(tokens: Kinds, prices: Kinds): bigint {
  let total = 0n
  for (const [kind, count] of tokens.entries()) total += BigInt(count) * BigInt(prices[kind] ?? 0)
  return total
}

/**
 * The most an estimate may cost, in micro-USD: all its input as the dearest kind of input, all its
 * output as the dearest kind of output, at the dearest of several prices.
 *
 * @throws GatewayError `pricing_not_configured` when there is no price at all
 * @throws RangeError as {@link costMicros}
 */
export function dearestCostMicros(prices: readonly Price[], estimate: Estimate, calls = 1): number {
  if (prices.length === 0) throw new GatewayError('pricing_not_configured')
  const { inputTokens, outputTokens } = estimate
  let dearest = 0
  for (const price of prices) {
    const input = Math.max(...inputPricesOf(price))
    const output = Math.max(...outputPricesOf(price))
    const cost = costMicros(
      { input, output, call: price.call },
      { inputTokens, outputTokens },
      calls,
    )
    if (cost > dearest) dearest = cost
  }
  return dearest
}

/** Not `Math.ceil(total / perTokens)`: near 2^53 the quotient of 1 over a multiple has no fraction. */
function divideUp(total: number): number {
  const rest = total % perTokens
  return (total - rest) / perTokens + (rest === 0 ? 0 : 1)
}

function partOf(whole: number, name: string, part: number | undefined): number {
  if (part === undefined) return 0
  checkCount(name, part)
  return part < whole ? part : whole
}

function checkCount(name: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`${name} must be a whole number from 0 up, but is ${count}`)
  }
}

function checkCost(cost: number): number {
  if (!Number.isSafeInteger(cost) || cost < 0) {
    throw new RangeError('the cost is too large to be counted exactly')
  }
  return cost
}
