import { ServerResponse, type IncomingMessage } from 'node:http'
import { finished } from 'node:stream'
import type { Reply } from './exchange.js'

/** Writes an answer to a response that has not begun. */
export function writeReply(response: ServerResponse, reply: Reply, method: string): void {
  response.writeHead(reply.status, { ...reply.headers })
  response.end(method === 'HEAD' ? undefined : reply.body)
}

/**
 * Calls back exactly once when a response is over, however it ended; with the problem, when it was not
 * written to its end.
 *
 * As `stream.finished()` does, which listens to four events more and costs three times as much.
 */
export function whenOver(
  response: ServerResponse,
  callback: (problem: Error | undefined) => void,
): void {
  if (!(response instanceof ServerResponse) || response.closed) {
    // What HTTP/2 has in its place, and what is over before anybody asks.
    finished(response, (error) => callback(error ?? undefined))
    return
  }
  let isOver = false
  const over = (problem: Error | undefined): void => {
    if (isOver) return
    isOver = true
    callback(problem)
  }
  response.on('close', () => {
    over(response.errored ?? (response.writableFinished ? undefined : brokenOff()))
  })
  response.on('error', over)
}

function brokenOff(): Error {
  return new Error('the response was broken off')
}

/** Headers a handler may have set for the body it did not come to write. */
export function clearBodyHeaders(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) {
    if (bodyHeaders.includes(name)) response.removeHeader(name)
  }
}

/** Headers that describe a body. */
export const bodyHeaders: readonly string[] = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-disposition',
  'content-language',
  'content-range',
  'transfer-encoding',
  'cache-control',
  'etag',
  'last-modified',
  'expires',
]

/** A body up to this size is read and dropped by Node, which keeps the connection. */
const droppedBodyBytes = 65_536

/**
 * Whether so much of the request is still to come that the connection had better be closed.
 *
 * @param anyRest whether any rest is too much: a client that sends a byte a second
 */
export function leavesBodyUnread(request: IncomingMessage, anyRest: boolean): boolean {
  // HTTP/2 has streams that end alone, and no such header.
  if (request.complete || request.httpVersionMajor >= 2) return false
  if (anyRest || request.headers['transfer-encoding'] !== undefined) return true
  const length = request.headers['content-length']
  return length !== undefined && Number(length) > droppedBodyBytes
}

/** How long a client that is still sending has to read its answer, in milliseconds. */
const lingerMs = 1_000

/**
 * Makes a connection that is to be closed stay open for a moment when the answer is written, without
 * reading any more from it. Closed at once it would be reset for the bytes that are still coming,
 * and a client fails at its next write before it has read the answer (RFC 9112, section 9.6).
 */
export function lingerBeforeClosing(request: IncomingMessage): void {
  const { socket } = request
  // Node reads and drops the rest of a request that nobody has begun to read.
  request.read(0)
  socket.destroySoon = () => {
    socket.end()
    const timeout = setTimeout(() => socket.destroy(), lingerMs)
    timeout.unref()
    socket.once('close', () => clearTimeout(timeout))
  }
}

/** Whether what was begun is an event stream, so that it can end with an error event. */
export function isEventStream(response: ServerResponse): boolean {
  const type = response.getHeader('content-type')
  if (typeof type === 'string') return type.startsWith('text/event-stream')
  // Headers given to writeHead() on a response that had none cannot be read back; the head that was
  // written can.
  const head: unknown = Reflect.get(response, '_header')
  return typeof head === 'string' && /\r\ncontent-type: *text\/event-stream/i.test(head)
}
