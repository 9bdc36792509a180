import { createKeys, MemoryLedger, usd, type GatewayOptions, type Keys } from '@lazu/core'
import { longestAnswerTokens } from './answer.js'
import { chatSchema } from './chat-schema.js'
import { models } from './models.js'

/** A gateway's options, and keys to meet each of its guards with. */
export interface Demo {
  /** What `lazu()` is given. Change them before a server is made of them. */
  readonly options: GatewayOptions
  readonly keys: Keys
  readonly ledger: MemoryLedger
  readonly secrets: DemoSecrets
}

/** The secrets of the demo's keys. */
export interface DemoSecrets {
  /** Good for everything. */
  readonly good: string
  /** May be used from 203.0.113.0/24 only, where nobody is: RFC 5737 keeps it for examples. */
  readonly elsewhere: string
  /** Two requests a minute. */
  readonly limited: string
  /** Its account has a hundredth of a cent, which no call can be cheaper than. */
  readonly poor: string
  /** Switched off. */
  readonly disabled: string
}

/** Makes the keys, credits their accounts, and sets prices, limits and timeouts. */
export async function createDemo(): Promise<Demo> {
  const keys = createKeys()
  const ledger = new MemoryLedger()
  ledger.credit('acme', usd(5), 'welcome')
  ledger.credit('poor', usd(0.0001), 'welcome')

  const good = await keys.create({ account: 'acme', name: 'good' })
  const elsewhere = await keys.create({
    account: 'acme',
    name: 'elsewhere',
    allow: ['203.0.113.0/24'],
  })
  const limited = await keys.create({ account: 'acme', name: 'limited', limits: { rpm: 2 } })
  const poor = await keys.create({ account: 'poor', name: 'poor' })
  const disabled = await keys.create({ account: 'acme', name: 'disabled' })
  await keys.disable(disabled.record.id)

  // Micro-USD per million tokens.
  const price = { input: usd(2.5), output: usd(10) }
  return {
    options: {
      keys,
      ledger,
      prices: Object.fromEntries(models.map((model) => [model, price])),
      models,
      limits: { rpm: 60, tpm: 100_000, concurrency: 10 },
      defaultOutputTokens: longestAnswerTokens,
      timeout: { total: '60s', firstByte: '2s', idle: '5s' },
      validate: { 'POST /v1/chat/completions': chatSchema },
    },
    keys,
    ledger,
    secrets: {
      good: good.key,
      elsewhere: elsewhere.key,
      limited: limited.key,
      poor: poor.key,
      disabled: disabled.key,
    },
  }
}
