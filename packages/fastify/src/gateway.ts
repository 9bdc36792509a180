import {
  createGateway,
  plainPipeline,
  type Events,
  type GatewayOptions,
  type GatewayParts,
} from '@lazu/core'
import type { FastifyPluginAsync } from 'fastify'
import { addErrors, addNotFound } from './errors.js'
import { addGuards, plugin } from './plugin.js'

/** The options of the gateway, and what a scope can have only once. */
export interface GatewayPluginOptions extends GatewayOptions {
  /** `false` leaves the error handler to you. */
  errors?: boolean | undefined
  /** `false` leaves the handler for what no route takes to you. */
  notFound?: boolean | undefined
}

/** The gateway of a scope: `app.lazu`. */
export interface Gateway {
  /** Listens to what happens: `app.lazu.on('refused', (event) => ...)`. */
  readonly on: Events['on']
  /** How the gateway is doing, for a readiness check: `() => app.lazu.readiness()`. */
  readonly readiness: GatewayParts['readiness']
  /** Resolves when the ledger has taken all charges; wait for it before you close the ledger. */
  readonly drained: GatewayParts['drained']
}

/**
 * The whole gateway, with errors and 404, for the scope it is registered in.
 *
 * @throws ConfigurationError for the first mistake in the options
 * @example
 * ```ts
 * await app.register(lazu, { keys, ledger, prices, limits: { rpm: 60 }, timeout: '120s' })
 * ```
 */
export const lazu: FastifyPluginAsync<GatewayPluginOptions> = plugin(
  '@lazu/fastify',
  (app, { errors = true, notFound = true, ...options }: GatewayPluginOptions) => {
    const { pipeline, events, readiness, drained } = createGateway(options)
    // A scope has one gateway to ask; a second one in it is mounted all the same.
    if (!Object.hasOwn(app, 'lazu')) {
      app.decorate('lazu', {
        on: (name, listener) => events.on(name, listener),
        readiness,
        drained,
      })
    }
    const { settings } = plainPipeline('lazu')
    addGuards(app, pipeline)
    // The guards have given each request its id, and said how errors are told.
    if (errors) addErrors(app)
    if (notFound) addNotFound(app, settings)
  },
)
