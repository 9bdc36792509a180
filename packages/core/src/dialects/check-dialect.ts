import { z } from 'zod'
import { conditions } from '../errors/conditions.js'
import { checkOptions } from '../lib/options.js'
import type { Dialect } from './dialect.js'

const text = z.string({ error: 'Write text' }).min(1, { error: 'Write at least one character' })
const yesOrNo = z.boolean({ error: 'Write true or false' })
const wholeStatus = { error: 'Write a status from 400 to 599' }

const answer = z.tuple(
  [
    z.int(wholeStatus).min(400, wholeStatus).max(599, wholeStatus),
    text,
    text,
    z.enum(['no', 'yes', 'after', 'once', '5xx']),
  ],
  { error: "Write [status, type, code, retry], [404, 'not_found', 'model_not_found', 'no'] say" },
)

const condition = z.enum(Object.keys(conditions))

const dialectSchema = z.strictObject({
  name: text,
  keyPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, { error: 'Write 1 to 32 of A-Z a-z 0-9 _ -' }),
  requestId: z.strictObject({
    // A token of RFC 9110, section 5.6.2, in lower case.
    header: z
      .string()
      .regex(/^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/, { error: 'Write a header name in lower case' }),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9._-]{0,64}$/, { error: 'Write up to 64 of A-Z a-z 0-9 . _ -' }),
    form: z.enum(['ulid', 'alphanumeric-24']),
  }),
  envelope: z
    .array(z.enum(['message', 'type', 'code', 'param', 'request_id', 'details']))
    .min(1, { error: "Name the members of error, ['message', 'type', 'code'] say" }),
  nativeProtocols: yesOrNo,
  hints: yesOrNo,
  rateHeaders: z.enum(['openai', 'reset', 'none']),
  messages: z.partialRecord(condition, text),
  anthropicTypes: z.partialRecord(condition, text),
  upstreamBadRequest: z.enum(['caller', 'upstream']),
  answers: z.record(condition, answer),
} satisfies Record<keyof Dialect, z.ZodType>)

/**
 * Checks a dialect somebody made, once, when something is built with it.
 *
 * @param path what it is called in the options: `lazu().dialect`
 * @throws ConfigurationError for the first mistake in it
 */
export function checkDialect(dialect: Dialect, path: string): Dialect {
  checkOptions(dialectSchema, dialect, path)
  // Not the checked copy: a request knows its dialect by identity.
  return dialect
}
