import { usd, type GatewayOptions } from '@lazu/core'
import { longestAnswerTokens } from './answer.js'
import { chatSchema } from './chat-schema.js'
import { models } from './models.js'
import { optionsFor } from './upstream.js'

/** Micro-USD per million tokens. */
const price = { input: usd(2.5), output: usd(10) }

/**
 * What an example gives to `lazu()`: prices, limits and timeouts, and the stores it is told.
 *
 * @param upstreamModels the models of a real API, when that one answers in place of the built-in ones
 */
export function gatewayOptions(
  stores: Pick<GatewayOptions, 'keys' | 'ledger' | 'requestLog'>,
  upstreamModels?: readonly string[],
): GatewayOptions {
  return {
    ...stores,
    prices: Object.fromEntries(models.map((model) => [model, price])),
    models,
    limits: { rpm: 60, tpm: 100_000, concurrency: 10 },
    defaultOutputTokens: longestAnswerTokens,
    timeout: { total: '60s', firstByte: '2s', idle: '5s' },
    validate: { 'POST /v1/chat/completions': chatSchema },
    ...(upstreamModels === undefined ? {} : optionsFor(upstreamModels, price)),
  }
}
