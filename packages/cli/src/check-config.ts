import { checkOptions, hasMethods, type Keys, type Ledger } from '@lazu/core'
import { z } from 'zod'
import type { LazuConfig } from './config.js'

type Gateway = LazuConfig['gateway']

const keysMethods = ['create', 'import', 'get', 'list', 'disable', 'enable', 'revoke', 'rotate']
const ledgerMethods = ['balance', 'credit', 'createAccount', 'accounts', 'usage', 'movements']

const aFunction = (value: unknown): boolean => typeof value === 'function'

const configSchema = z.strictObject({
  gateway: z.custom<Gateway>((value) => typeof value === 'object' && value !== null, {
    error: 'Give an object with what the server gives to lazu(), { keys, ledger } for instance',
  }),
  url: z
    .url({ protocol: /^https?$/, error: "Write where the server is, 'http://localhost:3000'" })
    .optional(),
  routes: z
    .array(
      z.string().regex(/^[A-Z]{3,10} \/\S*$/, {
        error: "Write a method and a path, 'POST /v1/chat/completions'",
      }),
      { error: "Write a list, ['POST /v1/chat/completions'] for instance" },
    )
    .readonly()
    .optional(),
  serve: z
    .custom<NonNullable<LazuConfig['serve']>>(aFunction, {
      error: 'Give a function that starts the server and returns it',
    })
    .optional(),
  close: z
    .custom<NonNullable<LazuConfig['close']>>(aFunction, {
      error: 'Give a function that closes the stores',
    })
    .optional(),
})

// The rest of the gateway's options is checked where a gateway is built.
const storesSchema = z.looseObject({
  keys: z
    .custom<Keys>(hasMethods(...keysMethods), { error: 'Give what createKeys() returned' })
    .optional(),
  ledger: z
    .custom<Ledger>(hasMethods(...ledgerMethods), {
      error: `Give a Ledger: an object with ${ledgerMethods.join(', ')}`,
    })
    .optional(),
})

/**
 * Checks what a configuration file exports.
 *
 * @param name the file's name, with which a mistake's path begins
 * @throws ConfigurationError for the first mistake
 */
export function checkConfig(value: unknown, name: string): LazuConfig {
  const config = checkOptions<LazuConfig>(configSchema, value, name)
  checkOptions(storesSchema, config.gateway, `${name}.gateway`)
  return config
}
