import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import { redact } from '../lib/redact.js'
import type { Guard } from '../pipeline.js'
import { modelNotFound, requestedModel } from './json-body.js'

/** Which models there are. */
export interface ModelOptions {
  /** The names of all models this server has. Left out: any name is let through to the key's list. */
  models?: readonly string[] | undefined
}

/** The members of ModelOptions. */
export const modelShape = {
  models: z.array(z.string().min(1).max(256)).nonempty().readonly().optional(),
}

/**
 * Refuses a model that does not exist, and one that the request's key may not use. Requests without
 * a body (GET and the like) name no model and pass.
 *
 * @param required whether every body must name a model; otherwise only those of keys that have a
 * list of models
 */
export function modelGuard(options: ModelOptions, required: boolean): Guard {
  const known = options.models === undefined ? undefined : new Set(options.models)
  return {
    name: 'model',
    phase: 'body',
    enter(exchange) {
      const allowed = exchange.key?.models
      if (!required && allowed === undefined) return
      const model = requestedModel(exchange)
      if (model === undefined) return
      if (known?.has(model) === false) throw modelNotFound(model)
      if (allowed !== undefined && !allowed.includes(model)) {
        throw new GatewayError('model_not_allowed', {
          // The same words as for a model that is not there: a key learns of its own models only.
          message: `The model '${redact(model)}' does not exist or this API key may not use it.`,
          param: 'model',
        })
      }
    },
  }
}
