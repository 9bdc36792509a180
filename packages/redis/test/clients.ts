import type { AnyRedisClient } from '@lazu/redis'
import { Cluster, Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll } from 'vitest'

/** A client, and how to end it. */
export interface Opened {
  readonly client: AnyRedisClient
  readonly close: () => void
}

/** A client of node-redis that is connected. */
export async function openNodeRedis(url: string): Promise<Opened> {
  const client = createClient({ url })
  // A server that goes away is what some tests are about.
  client.on('error', () => undefined)
  await client.connect()
  return { client, close: () => client.destroy() }
}

/** A cluster of node-redis that is connected. */
export async function openNodeRedisCluster(url: string): Promise<Opened> {
  const client = createCluster({ rootNodes: [{ url }] })
  client.on('error', () => undefined)
  await client.connect()
  return { client, close: () => client.destroy() }
}

/** A client of ioredis. */
export async function openIoredis(url: string): Promise<Opened> {
  const client = new Redis(url)
  client.on('error', () => undefined)
  return { client, close: () => client.disconnect() }
}

/** A cluster of ioredis. */
export async function openIoredisCluster(url: string): Promise<Opened> {
  const client = new Cluster([url])
  client.on('error', () => undefined)
  return { client, close: () => client.disconnect() }
}

/** A client of iovalkey. */
export async function openIovalkey(url: string): Promise<Opened> {
  const client = new Valkey(url)
  client.on('error', () => undefined)
  return { client, close: () => client.disconnect() }
}

/** Opens a client before the tests, and closes it behind them. */
export function openedForTests(
  url: () => string,
  open: (url: string) => Promise<Opened>,
): () => AnyRedisClient {
  let opened: Opened | undefined
  beforeAll(async () => {
    opened = await open(url())
  })
  afterAll(() => opened?.close())
  return () => {
    if (opened === undefined) throw new Error('the client is there only while the tests run')
    return opened.client
  }
}
