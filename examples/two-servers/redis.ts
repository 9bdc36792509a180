import { createClient } from 'redis'

/** A client of Redis. */
export type Redis = ReturnType<typeof newClient>

/** How long after it was lost, and after each try, the connection is made again. */
const reconnectMs = 200

/**
 * Connects to Redis. A connection that is lost later is made again.
 *
 * @throws Error when it cannot be connected to
 */
export async function connectRedis(url: string): Promise<Redis> {
  let wasConnected = false
  const client = newClient(url, () => wasConnected && reconnectMs)
  client.on('error', () => {
    // The gateway tells of it, and each process counts for itself.
  })
  try {
    await client.connect()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The Redis that REDIS_URL names cannot be used: ${reason}`, { cause })
  }
  wasConnected = true
  return client
}

function newClient(url: string, reconnectStrategy: () => false | number) {
  return createClient({ url, socket: { reconnectStrategy } })
}
