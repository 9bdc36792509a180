import {
  conditions,
  defineDialect,
  dialects,
  isCondition,
  plainPipeline,
  type CommonOptions,
  type Condition,
  type Dialect,
  type JsonSchema,
  type Protocol,
} from '@lazu/core'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { BareExchange } from './bare-exchange.js'

const acme: Dialect = defineDialect('lazu', {
  name: 'acme',
  envelope: ['message', 'code'],
  requestId: { header: 'x-acme-id', prefix: 'a-', form: 'ulid' },
  anthropicTypes: { access_denied: 'acme_error' },
  answers: { access_denied: [451, 'acme', 'not_here', 'no'] },
})
/** The dialects that come along, and one that does not. */
export const all: readonly Dialect[] = [...Object.values(dialects), acme]
export const protocols: readonly Protocol[] = ['openai', 'anthropic', 'gemini']
export const everyCondition: readonly Condition[] = Object.keys(conditions).filter(isCondition)

/** Says in so many words what is wrong with a body; undefined when nothing is. */
export type Check = (body: unknown) => string | undefined

const checks = new Map<string, Check>()

/** The check by a schema. The same one for the same schema: compiling takes most of the time. */
export function validatorOf(schema: JsonSchema): Check {
  const text = JSON.stringify(schema)
  const check = checks.get(text) ?? compile(schema)
  checks.set(text, check)
  return check
}

function compile(schema: JsonSchema): Check {
  // Strict but for open tuples and lists of types, which are meant.
  const ajv = new Ajv2020({ strict: true, strictTuples: false, allowUnionTypes: true })
  const validate = ajv.compile(schema)
  return (body) => (validate(body) ? undefined : ajv.errorsText(validate.errors))
}

/** An exchange that is spoken to as the options say. */
export function exchangeWith(options: CommonOptions): BareExchange {
  const exchange = new BareExchange('/v1/chat')
  exchange.adopt(plainPipeline('test', options).settings)
  return exchange
}
