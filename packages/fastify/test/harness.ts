import * as lazu from '@lazu/fastify'
import type { App, Handler, Harness, RunningApp } from '@lazu/testkit'
import Fastify, { type FastifyPluginAsync, type RouteHandlerMethod } from 'fastify'

/** Starts apps on Fastify 5. */
export const fastifyHarness: Harness = { name: 'fastify', start }

async function start(app: App): Promise<RunningApp> {
  const server = Fastify({
    bodyLimit: app.bodyLimitBytes ?? 100_000,
    frameworkErrors: lazu.lazuFrameworkErrors(),
    forceCloseConnections: true,
  })
  const { before = [], after = [], own = [] } = app.guards ?? {}
  if (own.length > 0) await server.register(lazu.lazuGuard, { guards: own })
  if (app.gateway !== undefined) {
    await server.register(lazu.lazu, { ...app.gateway, errors: false, notFound: false })
  }

  for (const { name, options = {} } of [...before, ...after]) {
    const plugin: FastifyPluginAsync<never> = lazu[name]
    await server.register(plugin, options as never)
  }
  if (app.errors !== false) await server.register(lazu.lazuErrors, app.errors ?? {})
  if (app.notFound !== false) await server.register(lazu.lazuNotFound)
  for (const [route, handler] of Object.entries(app.routes)) {
    const [method = '', url = ''] = route.split(' ')
    server.route({ method, url, handler: adapt(handler) })
  }
  const url = await server.listen({ port: 0, host: '127.0.0.1' })
  return { url, port: Number(new URL(url).port), close: () => server.close() }
}

function adapt(handler: Handler): RouteHandlerMethod {
  return async (request, reply) => {
    const value = await handler({
      lazu: request.lazu,
      body: request.body,
      raw: { request: request.raw, response: reply.raw },
      setHeader: (name, text) => void reply.header(name, text),
      async stream(source) {
        await reply.type('text/event-stream').send(source)
      },
    })
    // What was streamed has been sent; Fastify takes undefined for "not yet".
    return value === undefined ? reply : value
  }
}
