import {
  createServer,
  request as send,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'

/** What is between two neighbours only, or is told anew. */
const notPassedOn = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'x-forwarded-for',
])

/**
 * Makes a proxy that gives requests to servers on this machine in turn. Bodies are passed on as they
 * come, both ways. A server that cannot be connected to is passed over for the next one; a request
 * that has reached a server is never sent again, for nobody knows what it did there.
 *
 * @param ports where the servers listen, on 127.0.0.1
 */
export function createProxy(ports: readonly number[]): Server {
  let turn = 0
  return createServer((request, response) => {
    const first = turn++ % ports.length
    passOn(request, response, [...ports.slice(first), ...ports.slice(0, first)])
  })
}

/** @param ports the servers to try, in this order */
function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  ports: readonly number[],
): void {
  const [port, ...others] = ports
  if (port === undefined) {
    refuse(response, 503, 'No server can be reached.')
    return
  }
  let isConnected = false
  const passed = connect(request, port, () => {
    isConnected = true
    request.pipe(passed)
  })
  const leave = (): void => void passed.destroy()
  response.once('close', leave)
  passed.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, passedOn(answer, 'transfer-encoding'))
    pipeline(answer, response, () => {
      // An answer that breaks off here is destroyed there, so that nobody takes half for a whole.
    })
  })
  passed.on('error', () => {
    response.off('close', leave)
    if (!isConnected && !response.destroyed) passOn(request, response, others)
    else if (!response.headersSent) refuse(response, 502, 'The server is gone.')
  })
}

/** Begins a request to a server, on a connection of its own. */
function connect(request: IncomingMessage, port: number, connected: () => void): ClientRequest {
  const client = request.socket.remoteAddress ?? 'unknown'
  const passed = send({
    agent: false,
    host: '127.0.0.1',
    port,
    method: request.method,
    path: request.url,
    headers: [...passedOn(request), 'X-Forwarded-For', client],
  })
  passed.once('socket', (socket) => void socket.once('connect', connected))
  return passed
}

/** Names and values in turn, as they were written, and as often. */
function passedOn({ rawHeaders }: IncomingMessage, besides?: string): string[] {
  return rawHeaders.filter((_, index) => {
    const name = rawHeaders[index - (index % 2)]?.toLowerCase() ?? ''
    return !notPassedOn.has(name) && name !== besides
  })
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (response.destroyed) return
  const error = { message, type: 'server_error', param: null, code: 'no_server' }
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ error }))
}
