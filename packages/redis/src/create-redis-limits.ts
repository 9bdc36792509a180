import { checkOptions, hasMethods, type Clock } from '@lazu/core'
import { z } from 'zod'
import { clientOf, type AnyRedisClient } from './clients/client-of.js'
import { LimitCommands } from './limits/limit-commands.js'
import { RedisLimitStore } from './limits/redis-limit-store.js'
import { prefixSchema } from './prefix-schema.js'

/** What the limits in Redis can be told. */
export interface RedisLimitsOptions {
  /**
   * What the names in Redis begin with; `'lazu'` unless given. Gateways with the same prefix count
   * together what rules of the same name count by the same keys.
   */
  readonly prefix?: string | undefined
  /** The time, for tests. Otherwise it is Redis's. */
  readonly clock?: Clock | undefined
}

const schema = z.strictObject({
  prefix: prefixSchema.optional(),
  clock: z
    .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock, or leave it out')
    .optional(),
})

/**
 * The limits of all processes in Redis or Valkey: requests and tokens a minute, and requests in flight,
 * those of keys and tiers included. The client's connection, and how it is made again, are up to you.
 *
 * @param client a client or a cluster of node-redis 6, ioredis 6 or iovalkey
 * @throws ConfigurationError for a mistake in the options, and for what is no client
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://localhost' }).connect()
 * const gateway = lazu({ keys, limits: { rpm: 60, concurrency: 10 }, limitStore: redisLimits(client) })
 * ```
 */
export function redisLimits(
  client: AnyRedisClient,
  options: RedisLimitsOptions = {},
): RedisLimitStore {
  const checked = checkOptions<RedisLimitsOptions>(schema, options, 'redisLimits()')
  const { prefix = 'lazu', clock } = checked
  return new RedisLimitStore(
    new LimitCommands(clientOf(client, 'redisLimits(client)'), clock),
    prefix,
  )
}
