import { Readable } from 'node:stream'
import {
  plainPipeline,
  relayStream,
  routeNotFound,
  type CommonOptions,
  type Settings,
} from '@lazu/core'
import type {
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import { exchangeFor } from './exchange.js'
import { plugin } from './plugin.js'

/**
 * Answers every error of its scope with the envelope: `app.register(lazuErrors)`. It does as much in
 * a server that uses nothing else of lazu. Part of `lazu`, too.
 */
export const lazuErrors: FastifyPluginAsync<CommonOptions> = plugin(
  'lazuErrors',
  (app, options: CommonOptions) => {
    addRequestIds(app, plainPipeline('lazuErrors', options).settings)
    addErrors(app)
  },
)

/** Answers what no route took: `app.register(lazuNotFound)`. Part of `lazu`, too. */
export const lazuNotFound: FastifyPluginAsync<CommonOptions> = plugin(
  'lazuNotFound',
  (app, options: CommonOptions) =>
    addNotFound(app, plainPipeline('lazuNotFound', options).settings),
)

/**
 * Answers what fails before Fastify has a route, a malformed URL for instance, which no hook and no
 * error handler sees.
 *
 * @example
 * ```ts
 * const app = Fastify({ frameworkErrors: lazuFrameworkErrors() })
 * ```
 */
export function lazuFrameworkErrors(
  options?: CommonOptions,
): (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void {
  const { settings } = plainPipeline('lazuFrameworkErrors', options)
  return (error, request, reply) => {
    const exchange = exchangeFor(request, reply)
    exchange.adopt(settings)
    exchange.refuse(error)
  }
}

/** Gives each request of a scope its id, and has errors told as the settings say. */
function addRequestIds(app: FastifyInstance, settings: Settings): void {
  app.addHook('onRequest', (request, reply, done) => {
    const exchange = exchangeFor(request, reply)
    exchange.adopt(settings)
    exchange.announceRequestId()
    done()
  })
}

/** Sets a scope's error handler, and makes its event streams end with an error when they fail. */
export function addErrors(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const source = isEventStream(reply) ? readableOf(payload) : undefined
    if (source === undefined) {
      done()
      return
    }
    const exchange = exchangeFor(request, reply)
    // A failure before the first chunk is Fastify's to hand to the error handler.
    const relay = relayStream(source, exchange, (error, early) => {
      early.destroy(error instanceof Error ? error : new Error(String(error)))
    })
    done(null, relay)
  })
  app.setErrorHandler((error, request, reply) => {
    exchangeFor(request, reply).refuse(error)
  })
}

/** Sets a scope's handler for what no route takes. */
export function addNotFound(app: FastifyInstance, settings: Settings): void {
  app.setNotFoundHandler((request, reply) => {
    const exchange = exchangeFor(request, reply)
    exchange.adopt(settings)
    exchange.refuse(routeNotFound(exchange.method, exchange.path))
  })
}

function isEventStream(reply: FastifyReply): boolean {
  const type = reply.getHeader('content-type')
  return typeof type === 'string' && type.startsWith('text/event-stream')
}

function readableOf(payload: unknown): Readable | undefined {
  if (payload instanceof Readable) return payload
  return payload instanceof ReadableStream ? Readable.from(payload) : undefined
}
