import { z } from 'zod'
import { GatewayError } from './errors/gateway-error.js'
import { Events } from './events.js'
import { apiKeyGuard, apiKeyShape, type ApiKeyOptions } from './guards/api-key.js'
import {
  ipAllowlistGuard,
  ipAllowlistShape,
  type IpAllowlistOptions,
} from './guards/ip-allowlist.js'
import { modelGuard, modelInfos, modelShape, type ModelOptions } from './guards/model.js'
import { quotaGuard, quotaShape, type QuotaOptions, type QuotaParts } from './guards/quota.js'
import { rateLimitGuards } from './guards/rate-limit.js'
import { requestIdGuard } from './guards/request-id.js'
import { timeoutGuard, timeoutSchema, type TimeoutOptions } from './guards/timeout.js'
import { validateGuard, validateSchema, type ValidateOptions } from './guards/validate.js'
import { systemClock } from './lib/clock.js'
import { ConfigurationError } from './lib/configuration-error.js'
import type { Duration } from './lib/duration.js'
import { checkOptions } from './lib/options.js'
import { redact } from './lib/redact.js'
import { limitsSchema, tiersSchema, type LimitRule } from './limits/limit-options.js'
import { createRuleSet, type Tiers } from './limits/rules.js'
import type { Guard } from './pipeline.js'
import { Pipeline } from './pipeline.js'
import {
  requestLogGuard,
  requestLogSchema,
  type RequestLogOption,
} from './requests/request-log-guard.js'
import { createSuggest } from './suggestions/suggest.js'
import { commonShape, createSettings, type CommonOptions, type Settings } from './settings.js'

/** How requests are limited. */
export interface RateLimitOptions {
  /** A rule, or several. Left out: only limits in keys' records and tiers count. */
  limits?: LimitRule | readonly LimitRule[] | undefined
  /** Named sets of limits that keys refer to by `tier`. */
  tiers?: Tiers | undefined
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

type Optional<T> = { [Name in keyof T]?: T[Name] | undefined }

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
    TimeoutOption,
    RequestLogOption {}

const wholeFromZero = z.int().min(0)

const rateLimitShape = { limits: limitsSchema.optional(), tiers: tiersSchema.optional() }
const estimateShape = { defaultOutputTokens: wholeFromZero.max(10_000_000).optional() }

const gatewaySchema = z.strictObject({
  ...commonShape,
  ...z.object(apiKeyShape).partial().shape,
  ...ipAllowlistShape,
  ...rateLimitShape,
  ...estimateShape,
  ...modelShape,
  validate: validateSchema.optional(),
  ...z.object(quotaShape).partial().shape,
  timeout: timeoutSchema.optional(),
  requestLog: requestLogSchema.optional(),
})

/** A gateway: its guards, and the stream of what happens in it. */
export interface GatewayParts {
  readonly pipeline: Pipeline
  readonly events: Events
}

/**
 * The whole gateway, as guards in their order: request log, request id, timeout, key, address,
 * limits; and once the body is there: validation, model, tokens a minute, quota.
 *
 * @throws ConfigurationError for the first mistake in the options
 */
export function createGateway(options: GatewayOptions): GatewayParts {
  const path = 'lazu()'
  const checked = checkOptions<GatewayOptions>(gatewaySchema, options, path)
  requireTogether(checked, path)
  const events = checked.events ?? new Events()
  const settings = createSettings({ ...checked, events }, path, suggestFor(checked, path))
  const { clock = systemClock } = settings
  const { keys, ledger, prices, timeout, validate, requestLog } = checked
  const guards: Guard[] = []
  if (requestLog !== undefined) guards.push(requestLogGuard(requestLog, clock))
  guards.push(requestIdGuard())
  if (timeout !== undefined) guards.push(timeoutGuard(timeout, clock, `${path}.timeout`))
  if (keys !== undefined) guards.push(apiKeyGuard({ ...checked, keys }, clock))
  guards.push(ipAllowlistGuard(checked, path))
  const [head, body] = limitGuards(checked, settings)
  guards.push(head)
  if (validate !== undefined) guards.push(validateGuard(validate))
  guards.push(modelGuard(checked, checked.models !== undefined || prices !== undefined))
  guards.push(body)
  if (ledger !== undefined && prices !== undefined) {
    guards.push(quotaGuard({ ...checked, ledger, prices }, quotaParts(checked, settings), path))
  }
  return { pipeline: new Pipeline(guards, settings), events }
}

/** What may be suggested to callers, where the server says what it has. */
function suggestFor(
  { models, aliases, prices }: ModelOptions & Optional<QuotaOptions>,
  path: string,
): Settings['suggest'] {
  if (models === undefined) return undefined
  return createSuggest({ models: modelInfos(models), aliases, prices, path })
}

/** Options that mean nothing without another one. */
function requireTogether(options: GatewayOptions, path: string): void {
  const pairs: [keyof GatewayOptions, keyof GatewayOptions, string][] = [
    ['prices', 'ledger', 'Give a ledger too, new MemoryLedger() for instance.'],
    [
      'ledger',
      'prices',
      "Give the prices too: { 'gpt-5': { input: usd(1.25), output: usd(10) } }.",
    ],
    ['ledger', 'keys', 'Give keys too: an account is found by its key.'],
    ['brokenStream', 'ledger', 'Give a ledger and prices too, or take it out.'],
    ['reservationTtl', 'ledger', 'Give a ledger and prices too, or take it out.'],
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

function limitGuards(
  options: RateLimitOptions & EstimateDefaults,
  settings: Settings,
): [head: Guard, body: Guard] {
  const { limits = [], tiers = {} } = options
  const rules = Array.isArray(limits) ? limits : [limits]
  return rateLimitGuards({
    ...quotaParts(options, settings),
    rules: createRuleSet(rules, tiers, settings.clock ?? systemClock),
  })
}

function quotaParts(
  { defaultOutputTokens = 4_096 }: EstimateDefaults,
  { clock = systemClock, events }: Settings,
): QuotaParts {
  return { clock, events, defaultOutputTokens }
}

function single(
  name: string,
  shape: z.ZodRawShape,
  options: CommonOptions,
  guards: (settings: Settings, path: string) => Guard[],
  suggest?: (path: string) => Settings['suggest'],
): Pipeline {
  const path = `${name}()`
  checkOptions(z.strictObject({ ...commonShape, ...shape }), options, path)
  const settings = createSettings(options, path, suggest?.(path))
  return new Pipeline(guards(settings, path), settings)
}

/** Request ids alone. */
export function requestIdPipeline(options: CommonOptions = {}): Pipeline {
  return single('lazuRequestId', {}, options, () => [requestIdGuard()])
}

/** API keys alone. */
export function authPipeline(options: ApiKeyOptions & CommonOptions): Pipeline {
  return single('lazuAuth', apiKeyShape, options, ({ clock = systemClock }) => [
    apiKeyGuard(options, clock),
  ])
}

/** The IP allowlist alone. */
export function ipAllowlistPipeline(options: IpAllowlistOptions & CommonOptions): Pipeline {
  return single('lazuIpAllowlist', ipAllowlistShape, options, (_, path) => [
    ipAllowlistGuard(options, path),
  ])
}

/** Limits alone. */
export function rateLimitPipeline(
  options: RateLimitOptions & EstimateDefaults & CommonOptions,
): Pipeline {
  const shape = { ...rateLimitShape, ...estimateShape }
  return single('lazuRateLimit', shape, options, (settings) => limitGuards(options, settings))
}

/** The model check alone. */
export function modelPipeline(options: ModelOptions & CommonOptions): Pipeline {
  return single(
    'lazuModel',
    modelShape,
    options,
    () => [modelGuard(options, true)],
    (path) => suggestFor(options, path),
  )
}

/** Body validation alone. */
export function validatePipeline(options: Required<ValidateOption> & CommonOptions): Pipeline {
  return single('lazuValidate', { validate: validateSchema }, options, () =>
    options.validate === undefined ? [] : [validateGuard(options.validate)],
  )
}

/** Quota alone. Comes after the keys. */
export function quotaPipeline(options: QuotaOptions & EstimateDefaults & CommonOptions): Pipeline {
  const shape = { ...quotaShape, ...estimateShape }
  return single('lazuQuota', shape, options, (settings, path) => [
    quotaGuard(options, quotaParts(options, settings), path),
  ])
}

/** Timeouts alone. */
export function timeoutPipeline(options: Required<TimeoutOption> & CommonOptions): Pipeline {
  return single(
    'lazuTimeout',
    { timeout: timeoutSchema },
    options,
    ({ clock = systemClock }, path) =>
      options.timeout === undefined
        ? []
        : [timeoutGuard(options.timeout, clock, `${path}.timeout`)],
  )
}

/**
 * Guards somebody wrote.
 *
 * @throws ConfigurationError when one of them is no guard
 */
export function guardPipeline(guards: readonly Guard[], options: CommonOptions = {}): Pipeline {
  for (const [index, { name, phase }] of guards.entries()) {
    if (typeof name !== 'string' || (phase !== 'head' && phase !== 'body')) {
      throw new ConfigurationError(
        'LAZU_CONFIG_INVALID_OPTION',
        `lazuGuard()[${index}]`,
        'is no guard',
        "Give { name, phase: 'head' or 'body', enter(exchange) { ... } }.",
      )
    }
  }
  return single('lazuGuard', {}, options, () => [...guards])
}

/** Nothing but the settings: what the error formatter and the 404 need. */
export function plainPipeline(name: string, options: CommonOptions = {}): Pipeline {
  return single(name, {}, options, () => [])
}

/** The error for a request that no route took. */
export function routeNotFound(method: string, path: string): GatewayError {
  return new GatewayError('route_not_found', {
    message: `There is nothing at ${method} ${redact(path).slice(0, 200)}.`,
  })
}
