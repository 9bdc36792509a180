// The preset as its README has it: request id, timeout, key, addresses of the key, requests a minute
// and in flight, model, quota with a price. Nothing else is set than how much is allowed.
import { createKeys, MemoryLedger, usd, type GatewayOptions } from '@lazu/core'
import { model } from './completion.js'
import { allow, key, perMinute, timeoutMs } from './told.js'

const keys = createKeys()
await keys.import(key, { account: 'acme', name: 'bench', allow })

const ledger = new MemoryLedger()
ledger.credit('acme', usd(1_000_000_000), 'bench')

/** All but quota: what is decided before a body is read. */
export const headOptions: GatewayOptions = {
  keys,
  limits: { rpm: perMinute, concurrency: 1_000 },
  timeout: timeoutMs,
  // A wrong key is to be answered as one, however often it comes.
  badKeysPerMinute: 60_000_000,
}

/** The whole preset. */
export const options: GatewayOptions = {
  ...headOptions,
  ledger,
  prices: { [model]: { input: usd(1.25), output: usd(10) } },
}
