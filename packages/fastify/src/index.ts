/**
 * lazu for Fastify 5.
 *
 * ```ts
 * await app.register(lazu, { keys, limits: { rpm: 60 } })
 * ```
 */
export * from '@lazu/core/app'
export { lazuErrors, lazuFrameworkErrors, lazuNotFound } from './errors.js'
export { lazu, type Gateway, type GatewayPluginOptions } from './gateway.js'
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
