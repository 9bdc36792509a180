/**
 * Calls to upstream APIs for lazu.
 *
 * ```ts
 * const upstream = channels({ models: { '*': [{ name: 'openai', url, key }] } })
 * app.post('/v1/chat/completions', (request) => upstream.forward(request.lazu))
 * ```
 */
export { channels, Upstream } from './channels.js'
export type { CallRequest, UpstreamAnswer } from './call.js'
export type { ChannelOptions, UpstreamTimeouts } from './channel-options.js'
export type { ForwardOptions } from './forward.js'
export type { DrainOptions, UpstreamOptions } from './upstream-options.js'
