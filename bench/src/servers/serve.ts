import type { Server } from 'node:http'

/** What a server under measurement sends first: where it listens. */
export interface Listening {
  readonly port: number
}

/** What a server is sent to be asked for its `process.cpuUsage()`. */
export const askUsage = 'usage'

/** Where servers listen: where the lists of addresses of all stacks let callers in from. */
export const host = '127.0.0.1'

/**
 * Tells the process that started this server where it listens, and what it has used when it asks.
 * Over a channel of its own, so that no request is counted that is not one of the measurement.
 */
export function announce(server: Server): void {
  if (!server.listening) {
    server.once('listening', () => announce(server))
    return
  }
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const listening: Listening = { port: address.port }
  if (process.send === undefined) {
    console.log(`http://${host}:${address.port}`)
    return
  }
  process.send(listening)
  process.on('message', (message) => {
    if (message === askUsage) process.send?.(process.cpuUsage())
  })
  process.on('disconnect', () => process.exit())
}
