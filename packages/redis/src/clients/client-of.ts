import { ConfigurationError, hasMethods } from '@lazu/core'
import { ioredisClient, type IoredisClient, type IoredisCluster } from './ioredis.js'
import {
  nodeRedisClient,
  nodeRedisCluster,
  type NodeRedisClient,
  type NodeRedisCluster,
} from './node-redis.js'
import type { RedisClient } from './redis-client.js'

/** A client, or a cluster, of node-redis, ioredis or iovalkey. Its connection is up to you. */
export type AnyRedisClient = NodeRedisClient | NodeRedisCluster | IoredisClient | IoredisCluster

/**
 * The seam to a client of any kind.
 *
 * @param path what the client is called where it was given: `redisLedger(client)`
 * @throws ConfigurationError for what is none
 */
export function clientOf(client: AnyRedisClient, path: string): RedisClient {
  // ioredis has a sendCommand, too: another one.
  if (isIoredis(client)) return ioredisClient(client)
  if (isNodeRedisCluster(client)) return nodeRedisCluster(client)
  if (isNodeRedis(client)) return nodeRedisClient(client)
  throw new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    path,
    'is no client for Redis',
    'Give a client of node-redis, ioredis or iovalkey.',
  )
}

function isIoredis(client: AnyRedisClient): client is IoredisClient | IoredisCluster {
  return hasMethods('call')(client)
}

function isNodeRedisCluster(client: AnyRedisClient): client is NodeRedisCluster {
  return hasMethods('sendCommand', 'nodeClient')(client)
}

function isNodeRedis(client: AnyRedisClient): client is NodeRedisClient {
  return hasMethods('sendCommand')(client)
}
