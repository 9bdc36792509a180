import type { RedisClient } from './redis-client.js'

/** What is used of a client of ioredis or iovalkey. */
export interface IoredisClient {
  readonly isCluster: boolean
  call(command: string, args: string[]): Promise<unknown>
}

/** What is used of a cluster of ioredis or iovalkey. */
export interface IoredisCluster extends IoredisClient {
  nodes(role: 'master'): readonly IoredisClient[]
}

/** The seam to a client or a cluster of ioredis or iovalkey. */
export function ioredisClient(client: IoredisClient | IoredisCluster): RedisClient {
  return {
    send: (_key, args) => call(client, args),
    async sendToAll(args) {
      const nodes = 'nodes' in client && client.isCluster ? client.nodes('master') : [client]
      return Promise.all(nodes.map(async (node) => call(node, args)))
    },
  }
}

// A cluster finds the key of a command by its name in lower case.
function call(
  client: IoredisClient,
  [command, ...args]: readonly [command: string, ...args: string[]],
): Promise<unknown> {
  return client.call(command.toLowerCase(), args)
}
