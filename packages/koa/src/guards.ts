import {
  authPipeline,
  guardPipeline,
  ipAllowlistPipeline,
  modelPipeline,
  quotaPipeline,
  rateLimitPipeline,
  requestIdPipeline,
  timeoutPipeline,
  validatePipeline,
} from '@lazu/core'
import type { Middleware } from 'koa'
import { middleware } from './middleware.js'

type Options<Make extends (options: never) => unknown> = Parameters<Make>[0]

/** Gives every response a request id. */
export function lazuRequestId(options?: Options<typeof requestIdPipeline>): Middleware {
  return middleware(requestIdPipeline(options))
}

/** Asks for an API key: `lazuAuth({ keys })`. */
export function lazuAuth(options: Options<typeof authPipeline>): Middleware {
  return middleware(authPipeline(options))
}

/** Lets in by address: `lazuIpAllowlist({ allow: ['10.0.0.0/8'] })`. */
export function lazuIpAllowlist(options: Options<typeof ipAllowlistPipeline>): Middleware {
  return middleware(ipAllowlistPipeline(options))
}

/** Limits: `lazuRateLimit({ limits: { rpm: 60 } })`. With `tpm`, mount it after the body parser. */
export function lazuRateLimit(options: Options<typeof rateLimitPipeline>): Middleware {
  return middleware(rateLimitPipeline(options))
}

/** Checks the body's model: `lazuModel({ models: ['gpt-5'] })`. Mount it after the body parser. */
export function lazuModel(options: Options<typeof modelPipeline>): Middleware {
  return middleware(modelPipeline(options))
}

/** Checks bodies: `lazuValidate({ validate: schema })`. Mount it after the body parser. */
export function lazuValidate(options: Options<typeof validatePipeline>): Middleware {
  return middleware(validatePipeline(options))
}

/** Charges: `lazuQuota({ ledger, prices })`. Mount it after `lazuAuth` and the body parser. */
export function lazuQuota(options: Options<typeof quotaPipeline>): Middleware {
  return middleware(quotaPipeline(options))
}

/** Ends what takes too long: `lazuTimeout({ timeout: '120s' })`. */
export function lazuTimeout(options: Options<typeof timeoutPipeline>): Middleware {
  return middleware(timeoutPipeline(options))
}

/** Mounts guards of your own. */
export function lazuGuard(...guards: Parameters<typeof guardPipeline>[0]): Middleware {
  return middleware(guardPipeline(guards))
}
