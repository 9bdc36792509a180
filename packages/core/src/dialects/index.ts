import { chuizi } from './chuizi.js'
import { ConfigurationError } from '../lib/configuration-error.js'
import type { Dialect } from './dialect.js'
import { foza } from './foza.js'
import { lazu } from './lazu.js'
import { lemondata } from './lemondata.js'
import { tokendog } from './tokendog.js'

/** The dialects there are. A new one is a data file and a line here. */
export const dialects = { lazu, tokendog, lemondata, chuizi, foza } as const satisfies Record<
  string,
  Dialect
>

/** The name of a dialect that comes with lazu. */
export type DialectName = keyof typeof dialects

/** What to change of a dialect; conditions that are not named stay as they are. */
export type DialectChanges = Partial<Omit<Dialect, 'answers' | 'messages'>> & {
  readonly answers?: Partial<Dialect['answers']>
  readonly messages?: Dialect['messages']
}

/**
 * A dialect of your own, from one that is near to it. What is built with it checks it.
 *
 * @throws ConfigurationError for a base that is none
 * @example
 * ```ts
 * const acme = defineDialect('lazu', {
 *   name: 'acme',
 *   keyPrefix: 'sk-acme-',
 *   requestId: { header: 'x-acme-request-id', prefix: 'req_acme_', form: 'ulid' },
 *   answers: { insufficient_quota: [402, 'billing_error', 'out_of_credit', 'no'] },
 * })
 * ```
 */
export function defineDialect(base: DialectName | Dialect, changes: DialectChanges): Dialect {
  const from = dialectOf(base)
  return {
    ...from,
    ...changes,
    answers: { ...from.answers, ...changes.answers },
    messages: { ...from.messages, ...changes.messages },
  }
}

/**
 * A dialect by its name, or as it is.
 *
 * @throws ConfigurationError for a name that is none
 */
export function dialectOf(dialect: DialectName | Dialect): Dialect {
  if (typeof dialect !== 'string') return dialect
  if (Object.hasOwn(dialects, dialect)) return dialects[dialect]
  throw new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    'dialect',
    `is ${JSON.stringify(dialect)}`,
    `Give one of ${Object.keys(dialects).join(', ')}.`,
  )
}
