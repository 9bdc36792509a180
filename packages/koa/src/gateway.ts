import { createGateway, type Events, type GatewayOptions, type GatewayParts } from '@lazu/core'
import type { Middleware } from 'koa'
import { middleware } from './middleware.js'

/** The gateway as two middlewares, with the body parser between them. */
export interface Gateway {
  /** Key, address and limits, before the body is read. */
  readonly admit: Middleware
  /** Validation, model, tokens a minute and quota, once the body is parsed. */
  readonly meter: Middleware
  /** Listens to what happens: `gateway.on('refused', (event) => ...)`. */
  readonly on: Events['on']
  /** How the gateway is doing, for a readiness check: `ctx.body = gateway.readiness()`. */
  readonly readiness: GatewayParts['readiness']
  /** Resolves when the ledger has taken all charges; wait for it before you close the ledger. */
  readonly drained: GatewayParts['drained']
}

/**
 * The whole gateway.
 *
 * @throws ConfigurationError for the first mistake in the options
 * @example
 * ```ts
 * const gateway = lazu({ keys, ledger, prices, limits: { rpm: 60 }, timeout: '120s' })
 * app.use(gateway.admit).use(bodyParser()).use(gateway.meter)
 * ```
 */
export function lazu(options: GatewayOptions): Gateway {
  const { pipeline, events, readiness, drained } = createGateway(options)
  return {
    admit: middleware(pipeline, 'head'),
    meter: middleware(pipeline, 'body'),
    on: (name, listener) => events.on(name, listener),
    readiness,
    drained,
  }
}
