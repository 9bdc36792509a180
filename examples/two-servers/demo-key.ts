import { usd, type ApiKey } from '@lazu/express'
import type { SharedGateway } from './gateway.js'

const account = 'acme'
const name = 'two servers'

/** The key of this example. */
export interface DemoKey {
  readonly record: ApiKey
  /** Undefined when it was made by an earlier start: nobody can tell it any more. */
  readonly secret: string | undefined
  /** What its account has to spend, in micro-USD. */
  readonly available: number
}

/** Sees that there is a key, and money for it. What is there stays as it is. */
export async function provideKey({ keys, ledger }: SharedGateway): Promise<DemoKey> {
  // The reference makes it count once, however often this is started.
  const { available } = await ledger.credit(account, usd(5), 'welcome')
  const existing = await keys.list({ account, limit: 1_000 })
  const found = existing.find((key) => key.name === name && key.status !== 'revoked')
  if (found !== undefined) return { record: found, secret: undefined, available }
  const { record, key: secret } = await keys.create({ account, name })
  return { record, secret, available }
}
