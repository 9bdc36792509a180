import { createGateway, plainPipeline, type GatewayOptions } from '@lazu/core'
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
    const { pipeline } = createGateway(options)
    const { settings } = plainPipeline('lazu')
    addGuards(app, pipeline)
    if (errors) addErrors(app, settings)
    if (notFound) addNotFound(app, settings)
  },
)
