import { z } from 'zod'
import { fromZodIssues } from '../errors/zod-error.js'
import { hasMethods } from '../lib/has-methods.js'
import type { Guard } from '../pipeline.js'
import { jsonBody } from './json-body.js'

/** A zod schema, as far as the guard needs it; zod 3 and 4 both have this. */
export interface BodySchema {
  safeParse(
    value: unknown,
    options?: { reportInput?: boolean },
  ): { success: true } | { success: false; error: { issues: readonly unknown[] } }
}

/** One schema for every body, or one for each route: `{ 'POST /v1/chat/completions': schema }`. */
export type ValidateOptions = BodySchema | Readonly<Record<string, BodySchema>>

const bodySchema = z.custom<BodySchema>(hasMethods('safeParse'), 'Give a zod schema')

/** The shape of ValidateOptions. */
export const validateSchema = z.union([
  bodySchema,
  z.record(z.templateLiteral([z.enum(['POST', 'PUT', 'PATCH']), ' /', z.string()]), bodySchema),
])

/**
 * Checks bodies against zod schemas. A missing field, a field of the wrong type and a value out of
 * bounds are told apart, and `param` says where: `messages[0].role`. The handler gets the body as it
 * was sent; what a schema adds or takes away is not put in its place.
 */
export function validateGuard(options: ValidateOptions): Guard {
  const single = isSchema(options) ? options : undefined
  const byRoute = isSchema(options)
    ? new Map<string, BodySchema>()
    : new Map(Object.entries(options))
  return {
    name: 'validate',
    phase: 'body',
    enter(exchange) {
      const schema = single ?? byRoute.get(`${exchange.method} ${exchange.path}`)
      if (schema === undefined) return
      const body = jsonBody(exchange)
      if (body === undefined) return
      const result = schema.safeParse(body, { reportInput: true })
      if (!result.success) throw fromZodIssues(result.error.issues)
    },
  }
}

function isSchema(options: ValidateOptions): options is BodySchema {
  return hasMethods('safeParse')(options)
}
