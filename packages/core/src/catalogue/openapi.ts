import type { Dialect } from '../dialects/dialect.js'
import { dialectOf, type DialectName } from '../dialects/index.js'
import { catalogue } from './catalogue.js'
import { errorSchemas, type JsonSchema } from './schemas.js'

/** A response of OpenAPI 3.1. */
export interface OpenapiResponse {
  readonly description: string
  readonly headers: Readonly<Record<string, { description: string; schema: JsonSchema }>>
  readonly content: Readonly<Record<string, { schema: JsonSchema }>>
}

/**
 * The errors of a dialect as `components.responses` of OpenAPI 3.1, one for each status: `Error401`
 * and so on.
 *
 * @param native whether routes of other families are answered in their own protocol; as the dialect
 * does unless given
 * @example
 * ```ts
 * const document = { openapi: '3.1.0', components: { responses: openapiResponses('lazu') } }
 * ```
 */
export function openapiResponses(
  dialect: DialectName | Dialect,
  native: boolean = dialectOf(dialect).nativeProtocols,
): Readonly<Record<string, OpenapiResponse>> {
  const known = dialectOf(dialect)
  const schemas = Object.values(errorSchemas(known, native)).map(withoutDialect)
  const schema = schemas.length === 1 ? (schemas[0] ?? {}) : { anyOf: schemas }
  const codesByStatus = new Map<number, Set<string>>()
  for (const { status, code } of catalogue(known)) {
    codesByStatus.set(status, (codesByStatus.get(status) ?? new Set()).add(code))
  }
  const responses: Record<string, OpenapiResponse> = {}
  for (const [status, codes] of [...codesByStatus].toSorted(([left], [right]) => left - right)) {
    responses[`Error${status}`] = {
      description: `One of the codes ${[...codes].join(', ')}`,
      headers: headersOf(known, status),
      content: { 'application/json': { schema } },
    }
  }
  return responses
}

/** Only a document's root may name the JSON Schema it is written in; OpenAPI 3.1 has this one. */
function withoutDialect(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'))
}

function headersOf(dialect: Dialect, status: number): OpenapiResponse['headers'] {
  const text = { type: 'string' }
  return {
    [dialect.requestId.header]: { description: "The request's id.", schema: text },
    ...(status === 429
      ? { 'retry-after': { description: 'Seconds to wait.', schema: { type: 'integer' } } }
      : {}),
    ...(status === 401
      ? { 'www-authenticate': { description: 'How to authenticate.', schema: text } }
      : {}),
  }
}
