/**
 * lazu for Express 5.
 *
 * ```ts
 * const gateway = lazu({ keys, limits: { rpm: 60 } })
 * app.use('/v1', gateway.admit, express.json(), gateway.meter)
 * app.use(lazuErrors())
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
import './request.js'
