import type { Server } from 'node:http'
import type { GatewayOptions } from '@lazu/core'

/** Where a server is asked to listen. Undefined: where it does by itself. */
export interface ServeOptions {
  readonly port: number | undefined
  readonly host: string | undefined
}

/**
 * What the command is told of a gateway, in `lazu.config.ts`, `.js` or `.mjs`. The server imports the
 * same file, so that both work on the same keys and the same money.
 */
export interface LazuConfig {
  /**
   * What the server gives to `lazu()`. `lazu keys` works on its `keys`, `lazu accounts` on its
   * `ledger`, `lazu trace` on its `requestLog` and its `ledger`; `lazu doctor` looks at all of it.
   */
  readonly gateway: GatewayOptions
  /** Where the server is reached, `http://localhost:3000` for instance; for `lazu doctor`. */
  readonly url?: string | undefined
  /** The routes that must be guarded, `POST /v1/chat/completions` for instance; for `lazu doctor`. */
  readonly routes?: readonly string[] | undefined
  /** Starts the server, and gives it once it listens; for `lazu serve`. */
  readonly serve?: ((options: ServeOptions) => Server | Promise<Server>) | undefined
  /** Closes the stores. Called once, when a command is done. */
  readonly close?: (() => void | Promise<void>) | undefined
}

/** A configuration, or what makes one. */
export type ConfigSource =
  LazuConfig | Promise<LazuConfig> | (() => LazuConfig | Promise<LazuConfig>)

/**
 * The configuration as it was given, with its type checked by the editor.
 *
 * @example
 * ```ts
 * import { createKeys, usd } from '@lazu/express'
 * import { sqliteStore } from '@lazu/sqlite'
 * import { defineConfig } from 'lazu'
 *
 * const store = sqliteStore({ path: new URL('data/lazu.db', import.meta.url).pathname })
 *
 * export default defineConfig({
 *   gateway: {
 *     keys: createKeys({ store: store.keys }),
 *     ledger: store.ledger,
 *     requestLog: store.requestLog,
 *     prices: { 'gpt-5': { input: usd(1.25), output: usd(10) } },
 *   },
 *   url: 'http://localhost:3000',
 *   close: () => store.close(),
 * })
 * ```
 */
export function defineConfig<Source extends ConfigSource>(config: Source): Source {
  return config
}
