import type { Server } from 'node:http'

const signals = ['SIGINT', 'SIGTERM'] as const

/** How long requests that run have to end once the server is told to stop. */
const longestEndMs = 5_000

/** How often connections are closed whose request has ended, and that wait for another one. */
const idleCheckMs = 20

/**
 * Lets a server end on SIGINT or SIGTERM: it takes no more requests, those that run are given five
 * seconds, and `close` is called when nothing is left to do. A second signal ends the process at
 * once.
 */
export function closeOnSignal(server: Server, close: () => Promise<void>): void {
  const stop = (): void => {
    for (const signal of signals) process.off(signal, stop)
    server.close()
    setInterval(() => server.closeIdleConnections(), idleCheckMs).unref()
    setTimeout(() => server.closeAllConnections(), longestEndMs).unref()
  }
  for (const signal of signals) process.on(signal, stop)
  // A charge may wait for another process even when its connection is gone.
  process.once('beforeExit', () => void close())
}
