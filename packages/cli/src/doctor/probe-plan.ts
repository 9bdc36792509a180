import type { BodySchema, GatewayOptions, ValidateOptions } from '@lazu/core'

/** A method and a path. */
export interface Route {
  /** As it was given: `POST /v1/chat/completions`. */
  readonly name: string
  readonly method: string
  readonly path: string
}

/** Reads `POST /v1/chat/completions`; undefined for what is no route. */
export function parseRoute(name: string): Route | undefined {
  const [, method, path] = /^([A-Z]{3,10}) (\/\S*)$/.exec(name) ?? []
  return method === undefined || path === undefined ? undefined : { name, method, path }
}

/** Whether requests of this method have a body. */
export function hasBody({ method }: Route): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

/**
 * Whether a request of this method is tried: an unguarded route would carry it out. What a POST makes
 * of an empty object is little, while PUT, PATCH and DELETE say what is there to be lost.
 */
export function isTried({ method }: Route): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'POST'].includes(method)
}

/** A model nobody has. */
export const probeModel = 'lazu-doctor-probe'

/** The body of a request for that model. */
export const probeBody: string = JSON.stringify({ model: probeModel })

/** The path of a route with that model in it, where its model stands in the path. */
export function probePath({ path }: Route): string {
  return path.replace(/\/models\/[^/:]+:/, `/models/${probeModel}:`)
}

/**
 * Whether these options refuse a request for a model nobody has before its handler: a probe must
 * cost nobody anything.
 */
export function refusesProbe({ models, prices, validate }: GatewayOptions, route: Route): boolean {
  if (models !== undefined) {
    return models.every((model) => (typeof model === 'string' ? model : model.name) !== probeModel)
  }
  if (prices !== undefined) return !Object.hasOwn(prices, probeModel)
  if (validate === undefined) return false
  const schema = isSchema(validate) ? validate : validate[route.name]
  return schema?.safeParse({ model: probeModel }).success === false
}

function isSchema(validate: ValidateOptions): validate is BodySchema {
  return typeof validate.safeParse === 'function'
}
