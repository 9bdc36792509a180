import { finished, PassThrough, type Readable } from 'node:stream'
import type { NodeExchange } from './node-exchange.js'
import { isEventStream } from './node-response.js'

/**
 * Passes a stream on so that it never ends without an end: when the source of an event stream fails,
 * the error is its last event. One that is cut off looks like a whole one to the official SDKs. Any
 * other stream is destroyed.
 *
 * @param onEarlyFailure told of a failure before anything was sent, when there can still be a
 * proper answer
 */
export function relayStream(
  source: Readable,
  exchange: NodeExchange,
  onEarlyFailure: (error: unknown, relay: PassThrough) => void,
): PassThrough {
  const { response } = exchange.raw
  const relay = new PassThrough()
  finished(source, { writable: false }, (error) => {
    if (error === null || error === undefined || relay.destroyed) return
    if (!response.headersSent) onEarlyFailure(error, relay)
    else if (isEventStream(response)) relay.end(exchange.brokenStream(error))
    else relay.destroy(error)
  })
  relay.once('close', () => source.destroy())
  return source.pipe(relay)
}
