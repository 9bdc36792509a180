import { z } from 'zod'
import { apiKeyShape, type ApiKeyOptions } from './guards/api-key.js'
import { ipAllowlistShape, type IpAllowlistOptions } from './guards/ip-allowlist.js'
import { modelShape, type ModelOptions } from './guards/model.js'
import { quotaShape, type QuotaOptions } from './guards/quota.js'
import { timeoutSchema, type TimeoutOptions } from './guards/timeout.js'
import { validateSchema, type ValidateOptions } from './guards/validate.js'
import { ConfigurationError } from './lib/configuration-error.js'
import type { Duration } from './lib/duration.js'
import { hasMethods } from './lib/has-methods.js'
import { limitsSchema, tiersSchema, type LimitRule } from './limits/limit-options.js'
import type { LimitStore } from './limits/limit-store.js'
import type { Tiers } from './limits/rules.js'
import type { LimiterFailureOptions } from './limits/shared-limiter.js'
import { requestLogSchema, type RequestLogOption } from './requests/request-log-guard.js'
import { commonShape, type CommonOptions } from './settings.js'

/** How requests are limited. */
export interface RateLimitOptions extends LimiterFailureOptions {
  /** A rule, or several. Left out: only limits in keys' records and tiers count. */
  limits?: LimitRule | readonly LimitRule[] | undefined
  /** Named sets of limits that keys refer to by `tier`. */
  tiers?: Tiers | undefined
  /**
   * Where limits are counted that have no `limiter` of their own, those of keys and tiers included:
   * `redisLimits(client)` counts them for all processes together. Left out: in this process's memory.
   */
  limitStore?: LimitStore | undefined
}

/** What a request that gives no cap on its output is taken to produce. */
export interface EstimateDefaults {
  /** Tokens; 4,096 unless given. */
  defaultOutputTokens?: number | undefined
}

/** How long requests may take. A duration alone is the total. */
export interface TimeoutOption {
  timeout?: Duration | TimeoutOptions | undefined
}

/** What bodies must look like. */
export interface ValidateOption {
  validate?: ValidateOptions | undefined
}

/** How stores are waited for. */
export interface StoreOptions {
  /**
   * How long the ledger and the stores of limiters are waited for at each step; as long as they say
   * themselves, else '50ms', unless given. Keys have their own, in `createKeys()`.
   */
  storeDeadline?: Duration | undefined
}

/** Members of T, all of them optional. */
export type Optional<T> = { [Name in keyof T]?: T[Name] | undefined }

/**
 * The options of the whole gateway. Each guard that is used alone takes its part of them. What is
 * left out is not checked: without `keys` no key is asked for, without `ledger` nothing is charged.
 */
export interface GatewayOptions
  extends
    CommonOptions,
    Optional<ApiKeyOptions>,
    IpAllowlistOptions,
    RateLimitOptions,
    EstimateDefaults,
    ModelOptions,
    ValidateOption,
    Optional<QuotaOptions>,
    StoreOptions,
    TimeoutOption,
    RequestLogOption {}

const wholeFromZero = z.int().min(0)

/** The members of StoreOptions. */
export const storeShape = { storeDeadline: z.union([z.number(), z.string()]).optional() }

/** The members of RateLimitOptions. */
export const rateLimitShape = {
  limits: limitsSchema.optional(),
  tiers: tiersSchema.optional(),
  limitStore: z
    .custom<LimitStore>(
      hasMethods('take', 'adjust', 'hold', 'free'),
      'Give a store for limits, redisLimits(client) for instance',
    )
    .optional(),
  whenLimitsFail: z.enum(['local', 'open', 'closed']).optional(),
  instances: z.int().min(1).max(100_000).optional(),
}

/** The members of EstimateDefaults. */
export const estimateShape = { defaultOutputTokens: wholeFromZero.max(10_000_000).optional() }

/** What the whole gateway can be told. */
export const gatewaySchema = z.strictObject({
  ...commonShape,
  ...z.object(apiKeyShape).partial().shape,
  ...ipAllowlistShape,
  ...rateLimitShape,
  ...estimateShape,
  ...modelShape,
  validate: validateSchema.optional(),
  ...z.object(quotaShape).partial().shape,
  ...storeShape,
  timeout: timeoutSchema.optional(),
  requestLog: requestLogSchema.optional(),
})

type Pair = [given: keyof GatewayOptions, needed: keyof GatewayOptions, mend: string]

const needLimits: readonly Pair[] = [
  ['whenLimitsFail', 'limits', 'Give limits with a limiter, or a limitStore, or take it out.'],
  ['instances', 'limits', 'Give limits with a limiter, or a limitStore, or take it out.'],
]

/**
 * Options that mean nothing without another one.
 *
 * @throws ConfigurationError for the first that stands alone
 */
export function requireTogether(options: GatewayOptions, path: string): void {
  const pairs: readonly Pair[] = [
    ['prices', 'ledger', 'Give a ledger too, new MemoryLedger() for instance.'],
    [
      'ledger',
      'prices',
      "Give the prices too: { 'gpt-5': { input: usd(1.25), output: usd(10) } }.",
    ],
    ['ledger', 'keys', 'Give keys too: an account is found by its key.'],
    ['brokenStream', 'ledger', 'Give a ledger and prices too, or take it out.'],
    ['reservationTtl', 'ledger', 'Give a ledger and prices too, or take it out.'],
    ['whenLedgerFails', 'ledger', 'Give a ledger and prices too, or take it out.'],
    ...(options.limitStore === undefined ? needLimits : []),
    ['badKeysPerMinute', 'keys', 'Give keys too, or take it out.'],
    ['rememberedAddresses', 'keys', 'Give keys too, or take it out.'],
    ['aliases', 'models', 'Give models too, or take it out.'],
    ['allowAll', 'allow', 'Give allow too, or take it out.'],
  ]
  for (const [given, needed, mend] of pairs) {
    if (options[given] !== undefined && options[needed] === undefined) {
      throw new ConfigurationError(
        'LAZU_CONFIG_MISSING_OPTION',
        `${path}.${needed}`,
        `is missing, and ${given} needs it`,
        mend,
      )
    }
  }
}
