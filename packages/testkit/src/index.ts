export { FakeClock } from './fake-clock.js'
export { startFaultProxy } from './fault-proxy.js'
export type { FaultProxy, FaultProxyTarget } from './fault-proxy.js'
export { runAdapterContract, runLimitGuardContract } from './adapter-contract/index.js'
export type { MakeLimitStore } from './adapter-contract/world.js'
export { runLedgerContract } from './ledger-contract.js'
export { runLedgerNamesContract } from './ledger-contract-names.js'
export type { LedgerContractOptions } from './ledger-contract.js'
export { runKeyStoreContract } from './key-store-contract.js'
export { runLimitStoreContract } from './limit-store-contract.js'
export { runLimiterContract } from './limiter-contract.js'
export type { LimiterContractOptions } from './limiter-contract.js'
export { makeRecord, runRequestLogContract } from './request-log-contract.js'
export type { RequestLogUnderTest } from './request-log-contract.js'
export type { App, GuardUse, Handler, HandlerInput, Harness, RunningApp } from './harness.js'
export { listening } from './listening.js'
export { describeWithPostgres } from './servers/describe-with-postgres.js'
export { startPostgres } from './servers/postgres.js'
export type { RunningPostgres } from './servers/postgres.js'
export { describeWithRedis, describeWithRedisCluster } from './servers/describe-with-redis.js'
export { startRedis, startRedisCluster } from './servers/redis.js'
export type { RedisClusterServers, RedisServer, RedisServerOptions } from './servers/redis.js'
export {
  answer,
  answerHead,
  chunk,
  json,
  lastChunk,
  sse,
  sseEvent,
  sseHead,
} from './servers/http-bytes.js'
export type { SseEvent } from './servers/http-bytes.js'
export type { RecordedRequest } from './servers/request-reader.js'
export { startScriptedUpstream } from './servers/scripted-upstream.js'
export type { ScriptedUpstream, UpstreamCall, UpstreamStep } from './servers/scripted-upstream.js'
export { selfSigned } from './servers/self-signed.js'
