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
  type Guard,
} from '@lazu/core'
import type { FastifyPluginAsync } from 'fastify'
import { guardPlugin } from './plugin.js'

type Options<Make extends (options: never) => unknown> = NonNullable<Parameters<Make>[0]>
type GuardPlugin<Make extends (options: never) => unknown> = FastifyPluginAsync<Options<Make>>

/** Gives every response a request id. */
export const lazuRequestId: GuardPlugin<typeof requestIdPipeline> = guardPlugin(
  'lazuRequestId',
  requestIdPipeline,
)

/** Asks for an API key: `app.register(lazuAuth, { keys })`. */
export const lazuAuth: GuardPlugin<typeof authPipeline> = guardPlugin('lazuAuth', authPipeline)

/** Lets in by address: `app.register(lazuIpAllowlist, { allow: ['10.0.0.0/8'] })`. */
export const lazuIpAllowlist: GuardPlugin<typeof ipAllowlistPipeline> = guardPlugin(
  'lazuIpAllowlist',
  ipAllowlistPipeline,
)

/** Limits: `app.register(lazuRateLimit, { limits: { rpm: 60 } })`. */
export const lazuRateLimit: GuardPlugin<typeof rateLimitPipeline> = guardPlugin(
  'lazuRateLimit',
  rateLimitPipeline,
)

/** Checks the body's model: `app.register(lazuModel, { models: ['gpt-5'] })`. */
export const lazuModel: GuardPlugin<typeof modelPipeline> = guardPlugin('lazuModel', modelPipeline)

/** Checks bodies: `app.register(lazuValidate, { validate: schema })`. */
export const lazuValidate: GuardPlugin<typeof validatePipeline> = guardPlugin(
  'lazuValidate',
  validatePipeline,
)

/** Charges: `app.register(lazuQuota, { ledger, prices })`. Register it after `lazuAuth`. */
export const lazuQuota: GuardPlugin<typeof quotaPipeline> = guardPlugin('lazuQuota', quotaPipeline)

/** Ends what takes too long: `app.register(lazuTimeout, { timeout: '120s' })`. */
export const lazuTimeout: GuardPlugin<typeof timeoutPipeline> = guardPlugin(
  'lazuTimeout',
  timeoutPipeline,
)

/** Mounts guards of your own: `app.register(lazuGuard, { guards: [daytime] })`. */
export const lazuGuard: FastifyPluginAsync<{ guards: readonly Guard[] }> = guardPlugin(
  'lazuGuard',
  ({ guards }: { guards: readonly Guard[] }) => guardPipeline(guards),
)
