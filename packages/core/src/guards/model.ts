import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import { redact } from '../lib/redact.js'
import type { Guard } from '../pipeline.js'
import { modelNotFound, requestedModel } from './json-body.js'

/** What is known of a model. */
export interface ModelInfo {
  readonly name: string
  /** How many tokens its context holds; for the suggestion of a larger one. */
  readonly contextTokens?: number | undefined
  /** Never suggested to anybody. */
  readonly hidden?: boolean | undefined
}

/** Which models there are. */
export interface ModelOptions {
  /** All models this server has. Left out: any name is let through to the key's list. */
  models?: readonly (string | ModelInfo)[] | undefined
  /** Names that callers use by mistake, and the model each of them means: for suggestions only. */
  aliases?: Readonly<Record<string, string>> | undefined
}

const modelName = z.string().min(1).max(256)

/** The members of ModelOptions. */
export const modelShape = {
  models: z
    .array(
      z.union([
        modelName,
        z.strictObject({
          name: modelName,
          contextTokens: z.int().min(1).optional(),
          hidden: z.boolean().optional(),
        }),
      ]),
    )
    .nonempty()
    .readonly()
    .optional(),
  aliases: z.record(z.string(), modelName).optional(),
}

/** The models as records, whichever way they were given. */
export function modelInfos(models: ModelOptions['models']): readonly ModelInfo[] {
  return (models ?? []).map((model) => (typeof model === 'string' ? { name: model } : model))
}

/**
 * Refuses a model that does not exist, and one that the request's key may not use. Requests without
 * a body (GET and the like) name no model and pass.
 *
 * @param required whether every body must name a model; otherwise only those of keys that have a
 * list of models
 */
export function modelGuard(options: ModelOptions, required: boolean): Guard {
  const known =
    options.models === undefined
      ? undefined
      : new Set(modelInfos(options.models).map(({ name }) => name))
  return {
    name: 'model',
    phase: 'body',
    enter(exchange) {
      const allowed = exchange.key?.models
      if (!required && allowed === undefined) return
      const model = requestedModel(exchange)
      if (model === undefined) return
      if (allowed !== undefined && !allowed.includes(model)) {
        // One message for both, so that a key learns of its own models only.
        throw new GatewayError(
          known?.has(model) === false ? 'model_not_found' : 'model_not_allowed',
          {
            message: `The model '${redact(model)}' does not exist or this API key may not use it.`,
            param: 'model',
          },
        )
      }
      if (known?.has(model) === false) throw modelNotFound(model)
    },
  }
}
