import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { listening, type Handler } from '@lazu/testkit'
import { onTestFinished } from 'vitest'

/** What an upstream does to every request. */
export type UpstreamWay = number | 'refuses connections' | 'breaks off' | 'hangs up'

/** What an upstream says that is nobody's business: its own key and balance. */
export const upstreamSecret = 'sk-upstream-0123456789abcdef has $3.14 left'

/**
 * A handler as people write them, that asks a server for an answer over HTTP and passes it on, and
 * throws what comes back when it is no good.
 */
export async function relayTo(way: UpstreamWay): Promise<Handler> {
  const url = await startUpstream(way)
  return async () => {
    const response = await fetch(url)
    if (!response.ok) throw response
    return { relayed: await response.text() }
  }
}

async function startUpstream(way: UpstreamWay): Promise<string> {
  if (way === 'refuses connections') return closedPort()
  const server = createServer((_request, response) => {
    if (typeof way === 'number') {
      response.writeHead(way, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: upstreamSecret, code: 'upstreams_own' } }))
    } else if (way === 'breaks off') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    } else {
      response.destroy()
    }
  }).listen(0, '127.0.0.1')
  const running = await listening(server)
  onTestFinished(() => running.close())
  return running.url
}

/** Where somebody listened a moment ago. */
async function closedPort(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}
