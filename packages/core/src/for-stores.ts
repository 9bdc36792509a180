/**
 * What a store needs of core, and nothing that takes long to load: a thread or a process of its own
 * has it in a tenth of the time. All of it is part of `@lazu/core`, too.
 */
export { lazu as lazuDialect } from './dialects/lazu.js'
export { GatewayError } from './errors/gateway-error.js'
export { KeyConflictError, KeyNotFoundError } from './keys/key-store.js'
export { checkText } from './lib/check-text.js'
export { ConfigurationError } from './lib/configuration-error.js'
export { isPromise } from './lib/when-done.js'
export { AccountUnavailableError } from './quota/account-unavailable-error.js'
export {
  checkAmount,
  checkPageLimit,
  checkReserveRequest,
  checkTokens,
  checkTtlMs,
} from './quota/amount.js'
export { KeySpending } from './quota/key-spending.js'
export { insufficientQuota, quotaConflict } from './quota/refusals.js'
export { checkUsageQuery } from './quota/usage-query.js'
export { dateOfDay, dayOfDate, UtcCalendar } from './quota/utc-calendar.js'
