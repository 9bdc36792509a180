import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Reply } from './exchange.js'

/** Writes an answer to a response that has not begun. */
export function writeReply(response: ServerResponse, reply: Reply, method: string): void {
  response.writeHead(reply.status, { ...reply.headers })
  response.end(method === 'HEAD' ? undefined : reply.body)
}

/** Headers a handler may have set for the body it did not come to write. */
export function clearBodyHeaders(response: ServerResponse): void {
  for (const name of bodyHeaders) {
    if (response.hasHeader(name)) response.removeHeader(name)
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

/** Whether what was begun is an event stream, so that it can end with an error event. */
export function isEventStream(response: ServerResponse): boolean {
  const type = response.getHeader('content-type')
  if (typeof type === 'string') return type.startsWith('text/event-stream')
  // Headers given to writeHead() on a response that had none cannot be read back; the head that was
  // written can.
  const head: unknown = Reflect.get(response, '_header')
  return typeof head === 'string' && /\r\ncontent-type: *text\/event-stream/i.test(head)
}
