import { createKeys, MemoryLedger, type GatewayOptions, type Keys } from '@lazu/core'
import { provideKeys, type ForEachKey } from './demo-keys.js'
import { gatewayOptions } from './gateway-options.js'
import { bearersOf } from './key-variables.js'

/** A gateway's options, and keys to meet each of its guards with. */
export interface Demo {
  /** What `lazu()` is given. Change them before a server is made of them. */
  readonly options: GatewayOptions
  readonly keys: Keys
  readonly ledger: MemoryLedger
  readonly secrets: DemoSecrets
}

/** The secrets of the demo's keys. */
export type DemoSecrets = ForEachKey<string>

/** Makes a demo in memory: it goes with the process. */
export async function createDemo(): Promise<Demo> {
  const keys = createKeys()
  const ledger = new MemoryLedger()
  const secrets = bearersOf(await provideKeys(keys, ledger))
  return { options: gatewayOptions({ keys, ledger }), keys, ledger, secrets }
}
