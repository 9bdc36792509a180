import type { Phase, Pipeline } from '@lazu/core'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { exchangeFor } from './exchange.js'

/**
 * A plugin that acts on the scope it is registered in: without fastify-plugin it would act on a
 * scope of its own, where no route is.
 */
export function plugin<Options extends object>(
  name: string,
  build: (app: FastifyInstance, options: Options) => void,
): FastifyPluginAsync<Options> {
  // Asynchronous, so that a mistake in the options rejects and does not leave the start hanging.
  const inScope: FastifyPluginAsync<Options> = async (app, options) => {
    if (!app.hasRequestDecorator('lazu')) app.decorateRequest('lazu')
    build(app, options)
  }
  return fp(inScope, { name, fastify: '5.x' })
}

/** A plugin that enters a pipeline's guards: those of the head at once, the others after parsing. */
export function guardPlugin<Options extends object>(
  name: string,
  makePipeline: (options: Options) => Pipeline,
): FastifyPluginAsync<Options> {
  return plugin<Options>(name, (app, options) => addGuards(app, makePipeline(options)))
}

/** Enters a pipeline's guards in the hooks of their phases. */
export function addGuards(app: FastifyInstance, pipeline: Pipeline): void {
  app.addHook('onRequest', (request, reply, done) => enter(pipeline, 'head', request, reply, done))
  app.addHook('preHandler', (request, reply, done) => enter(pipeline, 'body', request, reply, done))
}

/** Calls `done` when the request may go on; when it may not, it was answered. */
function enter(
  pipeline: Pipeline,
  phase: Phase,
  request: FastifyRequest,
  reply: FastifyReply,
  done: () => void,
): void {
  const entered = pipeline.enter(exchangeFor(request, reply), phase)
  if (entered === true) done()
  else if (entered !== false) void entered.then((goOn) => (goOn ? done() : undefined))
}
