import type { RateLimiterAbstract, RateLimiterCompatibleAbstract } from 'rate-limiter-flexible'
import { z } from 'zod'
import type { Exchange } from '../exchange.js'
import type { KeyLimits } from '../keys/api-key.js'
import { hasMethods } from '../lib/has-methods.js'

/** What a rule counts by: each key, account, model or address has a bucket of its own. */
export type LimitBy =
  'key' | 'account' | 'model' | 'address' | ((exchange: Exchange) => string | undefined)

/** A limiter of rate-limiter-flexible, with whatever store it has. */
export type Limiter = (RateLimiterAbstract | RateLimiterCompatibleAbstract) & {
  /**
   * Whether what it refuses counts, too, and so has to be given back. rate-limiter-flexible's own
   * limiters, which do not say, do so.
   */
  readonly takesOnRefusal?: boolean
}

/**
 * One or more limits that are counted by the same thing.
 *
 * @example
 * ```ts
 * const limits = [{ rpm: 60, tpm: 100_000, concurrency: 10 }, { name: 'model', rpm: 600, by: 'model' }]
 * ```
 */
export interface LimitRule {
  /** Told in refusals and events; `rpm`, `tpm` or `concurrency` unless given. */
  name?: string | undefined
  /** Requests a minute. */
  rpm?: number | undefined
  /** How many requests may come at once; `rpm` unless given. */
  burst?: number | undefined
  /** Tokens a minute: the estimate is taken at first, and corrected by the usage. */
  tpm?: number | undefined
  /** Requests in flight. */
  concurrency?: number | undefined
  /**
   * `key` unless given, and where there is no key, the address (IPv6: its /64). A function is asked
   * before the body is read, more than once for a request, and must give the same each time; where
   * it gives undefined, the rule does not apply.
   */
  by?: LimitBy | undefined
  /** `observe` decides and tells (event `observed`), but refuses nobody. */
  mode?: 'enforce' | 'observe' | undefined
  /**
   * A limiter of rate-limiter-flexible to count requests with, in place of the bucket in memory:
   * give `limiter` alone, its `points` are the limit. Limits of keys and tiers do not apply to it.
   */
  limiter?: Limiter | undefined
  /** How many buckets are held in memory at most; 1,000,000 unless given. */
  maxKeys?: number | undefined
}

const wholeFromOne = z.int({ error: 'Give a whole number from 1 up' }).min(1, {
  error: 'Give a whole number from 1 up',
})

const limitRuleSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional(),
    rpm: wholeFromOne.optional(),
    burst: wholeFromOne.optional(),
    tpm: wholeFromOne.optional(),
    concurrency: wholeFromOne.optional(),
    by: z
      .union([
        z.enum(['key', 'account', 'model', 'address']),
        z.custom<(exchange: Exchange) => string | undefined>(
          (value) => typeof value === 'function',
        ),
      ])
      .optional(),
    mode: z.enum(['enforce', 'observe']).optional(),
    limiter: z
      .custom<Limiter>(
        hasMethods('consume', 'reward', 'get'),
        'Give a limiter of rate-limiter-flexible',
      )
      .optional(),
    maxKeys: wholeFromOne.optional(),
  })
  .refine(
    ({ rpm, tpm, concurrency, limiter }) => (rpm ?? tpm ?? concurrency ?? limiter) !== undefined,
    { error: 'Give at least one of rpm, tpm, concurrency and limiter' },
  )
  .refine(({ rpm, limiter }) => rpm === undefined || limiter === undefined, {
    error: 'Give rpm or a limiter, whose points are the limit, not both',
  })
  .refine(({ rpm, burst }) => burst === undefined || rpm !== undefined, {
    error: 'burst goes with rpm: give both',
  })
  .refine(({ by, concurrency }) => by !== 'model' || concurrency === undefined, {
    error: 'concurrency is counted before the body is read: give another by than model',
  })

/** The shape of what is given as `limits`: a rule, or several. */
export const limitsSchema = z.union([limitRuleSchema, z.array(limitRuleSchema).readonly()])

const keyLimitsSchema = z.strictObject({
  rpm: wholeFromOne.optional(),
  tpm: wholeFromOne.optional(),
  concurrency: wholeFromOne.optional(),
}) satisfies z.ZodType<KeyLimits>

/** The shape of `tiers`: named sets of limits that keys refer to. */
export const tiersSchema = z.record(z.string(), keyLimitsSchema)
