export * from './app.js'
export * from './for-stores.js'

// For adapters.
export { exchangeOf } from './exchange-of.js'
export {
  authPipeline,
  createGateway,
  guardPipeline,
  ipAllowlistPipeline,
  modelPipeline,
  plainPipeline,
  quotaPipeline,
  rateLimitPipeline,
  requestIdPipeline,
  routeNotFound,
  timeoutPipeline,
  validatePipeline,
} from './gateway.js'
export type { GatewayParts } from './gateway.js'
export { exchangeBehind, NodeExchange } from './node-exchange.js'
export { bodyHeaders } from './node-response.js'
export { Pipeline } from './pipeline.js'
export { relayStream } from './relay-stream.js'
export type { Settings } from './settings.js'

// For guards and stores.
export { classify } from './errors/classify.js'
export { formatEnvelope, formatError } from './errors/format.js'
export type { FormatContext } from './errors/format.js'
export { fromUpstreamStatus } from './errors/upstream-status.js'
export { jsonBody, requestedModel } from './guards/json-body.js'
export type { JsonObject } from './guards/json-body.js'
export { generateKey, keyForm, shownForm } from './keys/format.js'
export type { KeyForm } from './keys/format.js'
export { createDigester, digestsEqual } from './keys/digest.js'
export type { Digester } from './keys/digest.js'
export { hasMethods } from './lib/has-methods.js'
export { durationMs } from './lib/duration.js'
export { checkOptions } from './lib/options.js'
export { ulid } from './lib/ulid.js'
export { whenDone } from './lib/when-done.js'
export { createBucketRate } from './limits/bucket-rate.js'
export type { BucketRate } from './limits/bucket-rate.js'
export { ConcurrencyMemory } from './limits/concurrency.js'
export { addressGroup, formatAddress, parseAddress } from './net/address.js'
export type { Address } from './net/address.js'
export { createClientAddressResolver } from './net/client-address.js'
export type { ClientAddressResolver } from './net/client-address.js'
export { createNetworkSet } from './net/network-set.js'
export type { NetworkSet, NetworkSetOptions } from './net/network-set.js'
export { costMicros, dearestCostMicros } from './quota/cost.js'
export { estimateTokens } from './quota/estimate.js'
export type { EstimateOptions } from './quota/estimate.js'
export type { KeySpendingState, SpendingWindow } from './quota/key-spending.js'
export { ownField } from './quota/own-field.js'
export { createPriceList, pricesSchema } from './quota/price.js'
export type { PriceList } from './quota/price.js'
export { keyQuotaExceeded } from './quota/refusals.js'
export type { RelayedUsage } from './quota/relayed-usage.js'
export { tokensOfBytes, withSeenOutput } from './quota/seen-output.js'
export { createModelSuggester } from './suggestions/model-suggester.js'
export type {
  ModelSuggester,
  ModelSuggestions,
  SuggestableModels,
} from './suggestions/model-suggester.js'
export { editDistance } from './suggestions/edit-distance.js'
export { keyParameterOf, modelInPath, protocolOf } from './protocols/index.js'
export type { ProtocolFormat } from './protocols/protocol-format.js'
export type { ErrorContent } from './protocols/error-content.js'
export { retryAfterOf } from './retry/retry-after.js'
