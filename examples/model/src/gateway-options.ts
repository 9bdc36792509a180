import { usd, type GatewayOptions } from '@lazu/core'
import { longestAnswerTokens } from './answer.js'
import { chatSchema } from './chat-schema.js'
import { models } from './models.js'

/** Micro-USD per million tokens. */
const price = { input: usd(2.5), output: usd(10) }

/** What an example gives to `lazu()`: prices, limits and timeouts, and the stores it is told. */
export function gatewayOptions(
  stores: Pick<GatewayOptions, 'keys' | 'ledger' | 'requestLog'>,
): GatewayOptions {
  return {
    ...stores,
    prices: Object.fromEntries(models.map((model) => [model, price])),
    models,
    limits: { rpm: 60, tpm: 100_000, concurrency: 10 },
    defaultOutputTokens: longestAnswerTokens,
    timeout: { total: '60s', firstByte: '2s', idle: '5s' },
    validate: { 'POST /v1/chat/completions': chatSchema },
  }
}
