import { finished, PassThrough, type Readable } from 'node:stream'
import type { NodeExchange } from './node-exchange.js'

/**
 * Passes an event stream on so that it never ends without an end: when the source fails, the error
 * is its last event. A stream that is cut off looks like a whole one to the official SDKs.
 *
 * @param onEarlyFailure told of a failure before anything was sent, when there can still be a
 * proper answer
 */
export function relayEventStream(
  source: Readable,
  exchange: NodeExchange,
  onEarlyFailure: (error: unknown, relay: PassThrough) => void,
): PassThrough {
  const relay = new PassThrough()
  finished(source, { writable: false }, (error) => {
    if (error === null || error === undefined || relay.destroyed) return
    if (exchange.raw.response.headersSent) relay.end(exchange.brokenStream(error))
    else onEarlyFailure(error, relay)
  })
  relay.once('close', () => source.destroy())
  return source.pipe(relay)
}
