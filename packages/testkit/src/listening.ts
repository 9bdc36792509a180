import { once } from 'node:events'
import type { Server } from 'node:http'
import type { RunningApp } from './harness.js'

/** Waits until a server listens, and says where. Closing cuts the connections that are left. */
export async function listening(server: Server): Promise<RunningApp> {
  if (!server.listening) await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
