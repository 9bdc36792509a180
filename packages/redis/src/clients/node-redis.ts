import type { RedisClient } from './redis-client.js'

/** What is used of a client of node-redis, as `createClient` and `createClientPool` make it. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[]): Promise<unknown>
}

/** What is used of a cluster of node-redis, as `createCluster` makes it. */
export interface NodeRedisCluster {
  readonly masters: readonly unknown[]
  nodeClient(node: unknown): Promise<NodeRedisClient>
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
  ): Promise<unknown>
}

/** The seam to a client of node-redis. */
export function nodeRedisClient(client: NodeRedisClient): RedisClient {
  return {
    send: (_key, args) => client.sendCommand(args),
    sendToAll: async (args) => [await client.sendCommand(args)],
  }
}

/** The seam to a cluster of node-redis. */
export function nodeRedisCluster(cluster: NodeRedisCluster): RedisClient {
  return {
    send: (key, args) => cluster.sendCommand(key, false, [...args]),
    sendToAll: async (args) =>
      Promise.all(
        cluster.masters.map(async (node) => (await cluster.nodeClient(node)).sendCommand(args)),
      ),
  }
}
