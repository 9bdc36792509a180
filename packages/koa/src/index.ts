/**
 * lazu for Koa 3.
 *
 * ```ts
 * const gateway = lazu({ keys, limits: { rpm: 60 } })
 * app.use(lazuErrors())
 * app.use(gateway.admit).use(bodyParser()).use(gateway.meter)
 * ```
 */
export * from '@lazu/core/app'
export { lazu, type Gateway } from './gateway.js'
export { lazuErrors, lazuNotFound } from './errors.js'
export {
  lazuAuth,
  lazuGuard,
  lazuIpAllowlist,
  lazuModel,
  lazuQuota,
  lazuRateLimit,
  lazuRequestId,
  lazuTimeout,
  lazuValidate,
} from './guards.js'
import './context.js'
