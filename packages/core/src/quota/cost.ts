import { GatewayError } from '../errors/gateway-error.js'
import type { Price } from './price.js'
import type { Estimate, Usage } from './usage.js'

const perTokens = 1_000_000
const exactPerTokens = 1_000_000n

/**
 * What a usage costs, in micro-USD: tokens times price, summed over the kinds, divided by a million
 * and rounded up once, and the price of the calls.
 *
 * Cached, audio and image tokens are parts of the input, audio tokens of the output; each has its
 * own price if there is one. Parts that are more than their whole together are cut to it: audio
 * counts first, then images, then what was cached.
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
  const audioInput = partOf(inputTokens, 'audioInputTokens', usage.audioInputTokens)
  const withoutAudio = inputTokens - audioInput
  const imageInput = partOf(withoutAudio, 'imageInputTokens', usage.imageInputTokens)
  const withoutImages = withoutAudio - imageInput
  const cachedInput = partOf(withoutImages, 'cachedInputTokens', usage.cachedInputTokens)
  const textInput = withoutImages - cachedInput
  const audioOutput = partOf(outputTokens, 'audioOutputTokens', usage.audioOutputTokens)
  const textOutput = outputTokens - audioOutput
  checkCount('calls', calls)

  const audioInputPrice = price.audioInput ?? price.input
  const imageInputPrice = price.imageInput ?? price.input
  const cachedInputPrice = price.cachedInput ?? price.input
  const audioOutputPrice = price.audioOutput ?? price.output
  const callPrice = price.call ?? 0

  // Nothing here is negative: a sum that is a safe integer was computed from exact parts only.
  const total =
    textInput * price.input +
    audioInput * audioInputPrice +
    imageInput * imageInputPrice +
    cachedInput * cachedInputPrice +
    textOutput * price.output +
    audioOutput * audioOutputPrice
  const ofCalls = callPrice * calls
  if (total <= Number.MAX_SAFE_INTEGER) return checkCost(divideUp(total) + ofCalls)

  const exactTotal =
    BigInt(textInput) * BigInt(price.input) +
    BigInt(audioInput) * BigInt(audioInputPrice) +
    BigInt(imageInput) * BigInt(imageInputPrice) +
    BigInt(cachedInput) * BigInt(cachedInputPrice) +
    BigInt(textOutput) * BigInt(price.output) +
    BigInt(audioOutput) * BigInt(audioOutputPrice)
  return checkCost(Number((exactTotal + exactPerTokens - 1n) / exactPerTokens) + ofCalls)
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
    const input = Math.max(
      price.input,
      price.cachedInput ?? 0,
      price.audioInput ?? 0,
      price.imageInput ?? 0,
    )
    const output = Math.max(price.output, price.audioOutput ?? 0)
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
