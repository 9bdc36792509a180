// What an app needs beside its framework's adapter, which exports all of it again.
export { catalogue } from './catalogue/catalogue.js'
export type { CatalogueEntry } from './catalogue/catalogue.js'
export { openapiResponses } from './catalogue/openapi.js'
export type { OpenapiResponse } from './catalogue/openapi.js'
export { errorSchemas } from './catalogue/schemas.js'
export type { JsonSchema } from './catalogue/schemas.js'
export type { Answer, Dialect, EnvelopeMember, Retry } from './dialects/dialect.js'
export { defineDialect, dialects } from './dialects/index.js'
export type { DialectChanges, DialectName } from './dialects/index.js'
export { answerClientErrors } from './client-errors.js'
export type { ClientErrorOptions } from './client-errors.js'
export { createEvents, Events } from './events.js'
export type { GatewayEvents, RequestFacts } from './events.js'
export { GatewayError } from './errors/gateway-error.js'
export type { ErrorDetails, GatewayErrorOptions, Hints } from './errors/gateway-error.js'
export { conditions, isCondition } from './errors/conditions.js'
export type { Condition } from './errors/conditions.js'
export type { Exchange, Outcome, Protocol, Reply } from './exchange.js'
export type {
  EstimateDefaults,
  GatewayOptions,
  RateLimitOptions,
  StoreOptions,
  TimeoutOption,
  ValidateOption,
} from './gateway-options.js'
export type { ApiKeyOptions } from './guards/api-key.js'
export { createFileReferenceCheck, defaultFileReferenceOptions } from './guards/file-references.js'
export type {
  FileReference,
  FileReferenceCheck,
  FileReferenceOptions,
  StoredFile,
} from './guards/file-references.js'
export { defaultFilePurposes, filesGuards } from './guards/files.js'
export type { FilePurpose, FilesOptions, Upload } from './guards/files.js'
export type { IpAllowlistOptions } from './guards/ip-allowlist.js'
export type { ModelInfo, ModelOptions } from './guards/model.js'
export type { QuotaOptions } from './guards/quota.js'
export type { TimeoutOptions } from './guards/timeout.js'
export type { BodySchema, ValidateOptions } from './guards/validate.js'
export type { ApiKey, ApiKeyStatus, KeyCaps, KeyLimits } from './keys/api-key.js'
export { KeyConflictError, KeyNotFoundError } from './keys/key-store.js'
export type { KeyPage, KeyStore } from './keys/key-store.js'
export { createKeys } from './keys/keys.js'
export type { Keys, MadeKey } from './keys/keys.js'
export type { KeysCacheOptions, KeysOptions } from './keys/keys-options.js'
export type { KeyChanges, KeySettings, NewKey, Rotation } from './keys/key-input.js'
export { MemoryKeyStore } from './keys/memory-key-store.js'
export { ConfigurationError } from './lib/configuration-error.js'
export type { ConfigurationCode } from './lib/configuration-error.js'
export { systemClock } from './lib/clock.js'
export type { Clock, Timer } from './lib/clock.js'
export type { Duration } from './lib/duration.js'
export type { LoggedError, Logger } from './lib/logger.js'
export type { LimitBy, Limiter, LimitRule } from './limits/limit-options.js'
export type {
  BucketAsk,
  BucketChange,
  HeldPlace,
  LimitAnswer,
  LimitAsk,
  LimitStore,
  PlaceAsk,
} from './limits/limit-store.js'
export type { LimitUnit, RuleState } from './limits/rule.js'
export type { Tiers } from './limits/rules.js'
export type { LimiterFailureOptions } from './limits/shared-limiter.js'
export { TokenBucketMemory } from './limits/token-bucket.js'
export type { TokenBucketOptions } from './limits/token-bucket-options.js'
export type { Guard, Phase } from './pipeline.js'
export type {
  AccountBalance,
  AccountPage,
  Balance,
  ChargedTokens,
  Ledger,
  Movement,
  Reservation,
  ReserveRequest,
  Settled,
  UsageQuery,
  UsageSum,
} from './quota/ledger.js'
export { MemoryLedger } from './quota/memory-ledger.js'
export type { MemoryLedgerOptions } from './quota/memory-ledger.js'
export type { UnsettledCharge } from './quota/unsettled.js'
export { formatUsd, usd } from './quota/money.js'
export type { ModelPrice, Price, Prices } from './quota/price.js'
export { readUsage } from './quota/read-usage.js'
export type { ProtocolOption } from './protocols/index.js'
export { retryDelay } from './retry/retry-delay.js'
export type { RetryDelayOptions } from './retry/retry-delay.js'
export { withRetry } from './retry/with-retry.js'
export type { RetryNotice, WithRetryOptions } from './retry/with-retry.js'
export { addUsage } from './quota/add-usage.js'
export type { Charge, Estimate, Usage } from './quota/usage.js'
export type { RequestContext } from './request-context.js'
export type { RequestLog, RequestRecord } from './requests/request-log.js'
export type { CommonOptions } from './settings.js'
export type { StoreChange, StoreHealth } from './stores/store-calls.js'
export { StoreDeadlineError, StoreUnavailableError } from './stores/store-errors.js'
export type { Readiness } from './stores/stores.js'
