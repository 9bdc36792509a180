import { checkOptions, hasMethods, type Clock } from '@lazu/core'
import { z } from 'zod'
import { clientOf, type AnyRedisClient } from './clients/client-of.js'
import { LimitCommands } from './limits/limit-commands.js'
import { fillsInTime, secondsOfYear, type BucketLimit } from './limits/micro-rate.js'
import { TokenBucketRedis } from './limits/token-bucket-redis.js'
import { prefixSchema } from './prefix-schema.js'

/** What a limiter in Redis can be told. */
export interface RedisLimiterOptions extends BucketLimit {
  /**
   * What the names of the buckets begin with; `'lazu'` unless given. Limiters with the same prefix
   * share the buckets of the keys they have in common: give each one of its own.
   */
  readonly keyPrefix?: string | undefined
  /** The time, for tests. Otherwise it is Redis's. */
  readonly clock?: Clock | undefined
}

const wholeFromOne = 'Give a whole number from 1 up'

const schema = z
  .strictObject({
    points: z.int({ error: wholeFromOne }).min(1, { error: wholeFromOne }),
    duration: z
      .number({ error: 'Give seconds, 60 for instance' })
      .positive({ error: 'Give seconds above 0, 60 for instance' })
      .max(secondsOfYear, { error: 'Give at most a year in seconds' })
      .optional(),
    burst: z.int({ error: wholeFromOne }).min(1, { error: wholeFromOne }).optional(),
    keyPrefix: prefixSchema.optional(),
    clock: z
      .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock, or leave it out')
      .optional(),
  })
  .refine(fillsInTime, { error: 'Give what flows in within ten years', path: ['burst'] })

/**
 * A limiter in Redis or Valkey: a token bucket for each key, one for all processes. The client's
 * connection, and how it is made again, are up to you.
 *
 * @param client a client or a cluster of node-redis 6, ioredis 6 or iovalkey
 * @throws ConfigurationError for a mistake in the options, and for what is no client
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://localhost' }).connect()
 * const gateway = lazu({ limits: [{ limiter: redisLimiter(client, { points: 60 }) }] })
 * ```
 */
export function redisLimiter(
  client: AnyRedisClient,
  options: RedisLimiterOptions,
): TokenBucketRedis {
  const checked = checkOptions<RedisLimiterOptions>(schema, options, 'redisLimiter()')
  const { keyPrefix = 'lazu', clock, ...limit } = checked
  return new TokenBucketRedis({
    commands: new LimitCommands(clientOf(client, 'redisLimiter(client)'), clock),
    keyPrefix,
    limit,
  })
}
