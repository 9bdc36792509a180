import type { NodeExchange } from '@lazu/core'
import type { UpstreamTimeouts } from './channel-options.js'
import { UpstreamCall, type CallOptions } from './failover.js'
import { relayTo, sendWhole } from './relay.js'

/** What of a request is passed on otherwise than it says itself. */
export interface ForwardOptions {
  /** Whose channels serve it, for requests that name no model: `GET /v1/files`. */
  model?: string | undefined
  /**
   * Time limits of this request, beside those of its channels, from its beginning on and all attempts
   * together.
   */
  timeout?: UpstreamTimeouts | undefined
}

/**
 * Passes a request on, and its answer back. Fulfilled when that is over, or nobody waits for it.
 *
 * @throws GatewayError when there is no answer to pass on
 */
export async function forward(
  exchange: NodeExchange,
  options: Omit<CallOptions, 'exchange' | 'begin'>,
): Promise<void> {
  const call = new UpstreamCall({
    ...options,
    exchange,
    begin: (head, flow) => relayTo(exchange, head, flow),
  })
  const result = await call.run()
  if (typeof result === 'object' && !exchange.answered) sendWhole(exchange, result)
}
