/** One of the servers, as a process that start.ts makes. Its name is its argument. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createApp } from '@lazu/example-express'
import { openGateway, type SharedGateway } from './gateway.js'
import type { ServerNews } from './server-process.js'

/** How long requests that run have to end once the server is told to stop. */
const longestEndMs = 5_000

/** How often connections are closed whose request has ended, and that wait for another one. */
const idleCheckMs = 20

try {
  await serve(process.argv[2] ?? 'server')
} catch (error) {
  tell({ problem: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
  if (process.connected) process.disconnect()
}

async function serve(name: string): Promise<void> {
  const gateway = await openGateway()
  try {
    await gateway.migrate()
  } catch (error) {
    // A connection would keep this process from its end.
    await gateway.close()
    throw new Error(problemOf(error), { cause: error })
  }
  const app = createApp(gateway.options)
  const server = createServer((request, response) => {
    response.setHeader('x-served-by', name)
    app(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closeWhenTold(server, gateway)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  tell({ port: address.port })
}

/**
 * Lets the server end when the process that made it says so, or is gone. Ctrl+C reaches all
 * processes of a terminal, so SIGINT is left to that one.
 */
function closeWhenTold(server: Server, { closeLimits, close }: SharedGateway): void {
  const stop = (): void => {
    process.off('SIGTERM', stop)
    process.off('disconnect', stop)
    if (process.connected) process.disconnect()
    server.close()
    setInterval(() => server.closeIdleConnections(), idleCheckMs).unref()
    setTimeout(() => server.closeAllConnections(), longestEndMs).unref()
  }
  process.on('SIGINT', () => {})
  process.on('SIGTERM', stop)
  process.on('disconnect', stop)
  server.once('close', closeLimits)
  // A charge may wait for the database even when its connection is gone.
  process.once('beforeExit', () => void close())
  if (!process.connected) stop()
}

function tell(news: ServerNews): void {
  if (!process.connected) return
  process.send?.(news, undefined, undefined, () => {
    // Somebody who is gone need not be told.
  })
}

/** Why the database has not what it should. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error.cause instanceof Error)) return error.message
  return `The database that DATABASE_URL names cannot be used: ${reasonIn(error.cause)}`
}

/** A name that has several addresses fails with a code and without a message. */
function reasonIn({ message, ...rest }: Error): string {
  return message === '' && 'code' in rest ? String(rest.code) : message
}
