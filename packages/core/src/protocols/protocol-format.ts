import type { Exchange } from '../exchange.js'
import type { ErrorContent } from './error-content.js'

/** How the clients of one API family want to be told about errors and limits. */
export interface ProtocolFormat {
  /** The media type of its errors. */
  readonly contentType: string
  /** The whole body of an error, as JSON. */
  envelope(content: ErrorContent): string
  /** An error in an event stream that has begun, so that the official client throws. */
  streamFrame(envelope: string): string
  /** Tells where the limits stand in headers of its own. False: it has none, the dialect's apply. */
  setRateHeaders(exchange: Exchange): boolean
}
