import { z } from 'zod'
import { GatewayError } from './errors/gateway-error.js'
import { Events } from './events.js'
import {
  estimateShape,
  gatewaySchema,
  rateLimitShape,
  requireTogether,
  storeShape,
  type EstimateDefaults,
  type GatewayOptions,
  type Optional,
  type RateLimitOptions,
  type StoreOptions,
  type TimeoutOption,
  type ValidateOption,
} from './gateway-options.js'
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
import { timeoutGuard, timeoutSchema } from './guards/timeout.js'
import { validateGuard, validateSchema } from './guards/validate.js'
import type { Keys } from './keys/keys.js'
import { systemClock } from './lib/clock.js'
import { ConfigurationError } from './lib/configuration-error.js'
import { durationMs } from './lib/duration.js'
import { checkOptions } from './lib/options.js'
import { redact } from './lib/redact.js'
import { createRuleSet } from './limits/rules.js'
import { checkStoreNames } from './limits/stored-rules.js'
import type { Guard } from './pipeline.js'
import { Pipeline } from './pipeline.js'
import { requestLogGuard } from './requests/request-log-guard.js'
import { commonShape, createSettings, type CommonOptions, type Settings } from './settings.js'
import { Stores, type Readiness } from './stores/stores.js'
import { createSuggest } from './suggestions/suggest.js'

/** A gateway: its guards, and the stream of what happens in it. */
export interface GatewayParts {
  readonly pipeline: Pipeline
  readonly events: Events
  /**
   * How the gateway is doing, for a readiness check. Asks no store, never throws, and never says that
   * the gateway is dead: it answers while a store is away, too.
   */
  readonly readiness: () => Readiness
  /**
   * Resolves when the ledger has taken every charge and release; when the server is closed and before
   * the ledger is. It waits as long as that takes: race it against a time of your own.
   */
  readonly drained: () => Promise<void>
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
  const stores = storesOf(checked, settings, path)
  const guards: Guard[] = []
  if (requestLog !== undefined) guards.push(requestLogGuard(requestLog, clock))
  guards.push(requestIdGuard())
  if (timeout !== undefined) guards.push(timeoutGuard(timeout, clock, `${path}.timeout`))
  if (keys !== undefined) guards.push(keyGuard({ ...checked, keys }, settings, stores))
  guards.push(ipAllowlistGuard(checked, path))
  const [head, body] = limitGuards(checked, settings, stores, path)
  guards.push(head)
  if (validate !== undefined) guards.push(validateGuard(validate))
  guards.push(modelGuard(checked, checked.models !== undefined || prices !== undefined))
  guards.push(body)
  if (ledger !== undefined && prices !== undefined) {
    const parts = quotaParts(checked, settings, stores)
    guards.push(quotaGuard({ ...checked, ledger, prices }, parts, path))
  }
  return {
    pipeline: new Pipeline(guards, settings),
    events,
    readiness: () => stores.readiness(),
    drained: () => stores.drained(),
  }
}

/** What may be suggested to callers, where the server says what it has. */
function suggestFor(
  { models, aliases, prices }: ModelOptions & Optional<QuotaOptions>,
  path: string,
): Settings['suggest'] {
  if (models === undefined) return undefined
  return createSuggest({ models: modelInfos(models), aliases, prices, path })
}

function storesOf(
  { storeDeadline }: StoreOptions,
  { clock = systemClock, events }: Settings,
  path: string,
): Stores {
  const deadlineMs =
    storeDeadline === undefined ? undefined : durationMs(storeDeadline, `${path}.storeDeadline`)
  return new Stores(clock, events, deadlineMs)
}

function keyGuard(
  options: ApiKeyOptions,
  { clock = systemClock }: Settings,
  stores: Stores,
): Guard {
  const { health }: Partial<Keys> = options.keys
  if (health !== undefined) stores.watch(health)
  return apiKeyGuard(options, clock)
}

function limitGuards(
  options: RateLimitOptions & EstimateDefaults,
  settings: Settings,
  stores: Stores,
  path: string,
): [head: Guard, body: Guard] {
  const { limits = [], tiers = {}, limitStore, whenLimitsFail, instances } = options
  const given = Array.isArray(limits) ? limits : [limits]
  const rules = createRuleSet(given, tiers, settings.clock ?? systemClock)
  if (limitStore !== undefined) checkStoreNames(rules, path)
  return rateLimitGuards({
    ...quotaParts(options, settings, stores),
    rules,
    limitStore,
    whenLimitsFail,
    instances,
  })
}

function quotaParts(
  { defaultOutputTokens = 4_096 }: EstimateDefaults,
  { clock = systemClock, events, logger }: Settings,
  stores: Stores,
): QuotaParts {
  return { clock, events, logger, stores, defaultOutputTokens }
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
  return single('lazuAuth', apiKeyShape, options, (settings, path) => [
    keyGuard(options, settings, storesOf({}, settings, path)),
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
  options: RateLimitOptions & EstimateDefaults & StoreOptions & CommonOptions,
): Pipeline {
  const shape = { ...rateLimitShape, ...estimateShape, ...storeShape }
  return single('lazuRateLimit', shape, options, (settings, path) =>
    limitGuards(options, settings, storesOf(options, settings, path), path),
  )
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
export function quotaPipeline(
  options: QuotaOptions & EstimateDefaults & StoreOptions & CommonOptions,
): Pipeline {
  const shape = { ...quotaShape, ...estimateShape, ...storeShape }
  return single('lazuQuota', shape, options, (settings, path) => [
    quotaGuard(options, quotaParts(options, settings, storesOf(options, settings, path)), path),
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
