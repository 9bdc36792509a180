import { z } from 'zod'
import type { Dialect, EnvelopeMember } from '../dialects/dialect.js'
import { dialectOf, type DialectName } from '../dialects/index.js'
import type { Protocol } from '../exchange.js'
import { anthropicTypes } from '../protocols/anthropic.js'
import { geminiStatuses } from '../protocols/gemini.js'
import { catalogue } from './catalogue.js'

/** A JSON Schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>

const hintsShape = {
  hint: z.string().optional(),
  did_you_mean: z.string().optional(),
  suggestions: z.array(z.string()).optional(),
  alternatives: z.array(z.string()).optional(),
  retryable: z.boolean().optional(),
  retry_after: z.int().min(1).optional(),
  balance_usd: z.number().optional(),
  estimated_cost_usd: z.number().optional(),
}

const detail = z.union([z.string(), z.number(), z.boolean()])
const details = z.record(z.string(), detail)

/**
 * The JSON Schemas of a dialect's error bodies, one for each protocol it answers in, with the codes
 * and types it can have.
 *
 * @param native whether routes of other families are answered in their own protocol; as the dialect
 * does unless given
 */
export function errorSchemas(
  dialect: DialectName | Dialect,
  native: boolean = dialectOf(dialect).nativeProtocols,
): Readonly<Partial<Record<Protocol, JsonSchema>>> {
  const known = dialectOf(dialect)
  const openai = z.toJSONSchema(openaiSchema(known))
  if (!native) return { openai }
  return {
    openai,
    anthropic: z.toJSONSchema(anthropicSchema(known)),
    gemini: z.toJSONSchema(geminiSchema(known)),
  }
}

function codesOf(dialect: Dialect): z.ZodType {
  return z.enum([...new Set(catalogue(dialect).map(({ code }) => code))])
}

function openaiSchema(dialect: Dialect): z.ZodType {
  const types = [...new Set(catalogue(dialect).map(({ type }) => type))]
  const members: Record<EnvelopeMember, z.ZodType> = {
    message: z.string(),
    type: z.enum(types),
    code: codesOf(dialect),
    param: z.string().nullable(),
    request_id: z.string(),
    details: details.optional(),
  }
  const shape: Record<string, z.ZodType> = { ...hintsShape, details: details.optional() }
  for (const member of dialect.envelope) shape[member] = members[member]
  return z.strictObject({ error: z.strictObject(shape) })
}

function anthropicSchema(dialect: Dialect): z.ZodType {
  return z.strictObject({
    type: z.literal('error'),
    error: z.strictObject({
      type: z.enum([...anthropicTypes, ...Object.values(dialect.anthropicTypes)]),
      message: z.string(),
      details: z
        .object({ error_code: codesOf(dialect), param: z.string().optional() })
        .catchall(detail),
      ...hintsShape,
    }),
    request_id: z.string(),
  })
}

const requestInfo = rpcDetail('RequestInfo', { requestId: z.string() })
const retryInfo = rpcDetail('RetryInfo', { retryDelay: z.string().regex(/^[1-9][0-9]*s$/) })
const badRequest = rpcDetail('BadRequest', {
  fieldViolations: z.array(z.strictObject({ field: z.string(), description: z.string() })).min(1),
})

/** One of google.rpc.error_details. */
function rpcDetail(name: string, members: z.ZodRawShape): z.ZodType {
  return z.strictObject({
    '@type': z.literal(`type.googleapis.com/google.rpc.${name}`),
    ...members,
  })
}

function geminiSchema(dialect: Dialect): z.ZodType {
  const reasons = [...new Set(catalogue(dialect).map(({ code }) => code.toUpperCase()))]
  const info = rpcDetail('ErrorInfo', {
    reason: z.enum(reasons),
    domain: z.literal(dialect.name),
    metadata: z.record(z.string(), z.string()),
  })
  return z.strictObject({
    error: z.strictObject({
      code: z.int().min(400).max(599),
      message: z.string(),
      status: z.enum(geminiStatuses),
      details: z
        .tuple([info, requestInfo])
        .rest(z.union([retryInfo, badRequest]))
        // Left out by zod, and without it an empty list would do.
        .meta({ minItems: 2 }),
      ...hintsShape,
    }),
  })
}
