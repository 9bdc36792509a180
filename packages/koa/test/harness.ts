import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import * as lazu from '@lazu/koa'
import { listening, type App, type Handler, type Harness, type RunningApp } from '@lazu/testkit'
import Koa, { type Middleware } from 'koa'

/** Starts apps on Koa 3. */
export const koaHarness: Harness = { name: 'koa', start }

async function start(app: App): Promise<RunningApp> {
  const server = new Koa()
  const { before = [], after = [], own = [] } = app.guards ?? {}
  const gateway = app.gateway === undefined ? undefined : lazu.lazu(app.gateway)
  if (app.errors !== false) server.use(lazu.lazuErrors(app.errors))
  if (own.length > 0) server.use(lazu.lazuGuard(...own))
  if (gateway !== undefined) server.use(gateway.admit)
  for (const { name, options } of before)
    server.use(Reflect.apply(lazu[name], undefined, [options]))
  server.use(bodyParser({ enableTypes: ['json'], jsonLimit: app.bodyLimitBytes ?? 100_000 }))
  if (gateway !== undefined) server.use(gateway.meter)
  for (const { name, options } of after) server.use(Reflect.apply(lazu[name], undefined, [options]))
  const router = new Router()
  for (const [route, handler] of Object.entries(app.routes)) {
    const [method = '', path = ''] = route.split(' ')
    if (method === 'GET') router.get(path, adapt(handler))
    else if (method === 'POST') router.post(path, adapt(handler))
    else throw new Error(`no such method in the harness: ${method}`)
  }
  server.use(router.routes())
  if (app.notFound !== false) server.use(lazu.lazuNotFound())
  return listening(server.listen(0, '127.0.0.1'))
}

function adapt(handler: Handler): Middleware {
  return async (context) => {
    const value = await handler({
      lazu: context.lazu,
      body: Reflect.get(context.request, 'body'),
      raw: { request: context.req, response: context.res },
      setHeader: (name, text) => context.set(name, text),
      stream(source) {
        context.type = 'text/event-stream'
        context.body = source
        return Promise.resolve()
      },
    })
    if (value !== undefined) context.body = value
  }
}
