import { GatewayError, type NodeExchange } from '@lazu/core'
import type { UpstreamTimeouts } from './channel-options.js'
import { UpstreamCall, type CallOptions } from './failover.js'
import { relayTo, sendWhole } from './relay.js'
import type { UpstreamRequest } from './upstream-request.js'

/** What of a request is passed on otherwise than it says itself. */
export interface ForwardOptions {
  /** Whose channels serve it, for requests that name no model: `GET /v1/files`. */
  model?: string | undefined
  /**
   * Time limits of this request, beside those of its channels: `total` for all attempts together, the
   * others for each of them.
   */
  timeout?: UpstreamTimeouts | undefined
}

/**
 * Passes a request on, and its answer back. Fulfilled when that is over, or nobody waits for it.
 *
 * @throws GatewayError when there is no answer to pass on, and parameter_invalid for a response in the
 * background where requests are charged
 */
export async function forward(
  exchange: NodeExchange,
  options: Omit<CallOptions, 'exchange' | 'begin'>,
): Promise<void> {
  refuseBackground(exchange, options.request)
  const call = new UpstreamCall({
    ...options,
    exchange,
    begin: (head, flow) => relayTo(exchange, head, flow),
  })
  const result = await call.run()
  if (typeof result === 'object' && !exchange.answered) sendWhole(exchange, result)
}

/** What a response in the background uses is known when its request has long been answered. */
function refuseBackground(exchange: NodeExchange, { endpoint, body }: UpstreamRequest): void {
  const isCharged = exchange.reservation !== undefined
  if (!isCharged || body?.['background'] !== true || !endpoint.endsWith('/responses')) return
  throw new GatewayError('parameter_invalid', {
    message: "Invalid 'background': responses in the background are not served here.",
    param: 'background',
  })
}
