/** One of the servers, as a process that start.ts makes. Its name is its argument. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createApp } from '@lazu/example-express'
import { openGateway } from './gateway.js'
import type { ServerNews } from './server-process.js'

/** How long requests that run have to end once the server is told to stop. */
const longestEndMs = 5_000

/** How often connections are closed whose request has ended, and that wait for another one. */
const idleCheckMs = 20

try {
  await serve(process.argv[2] ?? 'server')
} catch (error) {
  tell({ problem: problemOf(error) })
  process.exitCode = 1
  if (process.connected) process.disconnect()
}

async function serve(name: string): Promise<void> {
  const { options, migrate, close } = openGateway()
  await migrate()
  const app = createApp(options)
  const server = createServer((request, response) => {
    response.setHeader('x-served-by', name)
    app(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closeWhenTold(server, close)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  tell({ port: address.port })
}

/**
 * Lets the server end when the process that made it says so, or is gone. Ctrl+C reaches all
 * processes of a terminal, so SIGINT is left to that one.
 */
function closeWhenTold(server: Server, close: () => Promise<void>): void {
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
  // A charge may wait for the database even when its connection is gone.
  process.once('beforeExit', () => void close())
  if (!process.connected) stop()
}

function tell(news: ServerNews): void {
  if (process.connected) process.send?.(news)
}

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error.cause instanceof Error)) return error.message
  return `The database that DATABASE_URL names cannot be used: ${reasonIn(error.cause)}`
}

/** A name that has several addresses fails with a code and without a message. */
function reasonIn({ message, ...rest }: Error): string {
  return message === '' && 'code' in rest ? String(rest.code) : message
}
