import * as lazu from '@lazu/express'
import { listening, type App, type Handler, type Harness, type RunningApp } from '@lazu/testkit'
import express, { type RequestHandler } from 'express'

/** Starts apps on Express 5. */
export const expressHarness: Harness = { name: 'express', start }

async function start(app: App): Promise<RunningApp> {
  const server = express()
  const { before = [], after = [], own = [] } = app.guards ?? {}
  const gateway = app.gateway === undefined ? undefined : lazu.lazu(app.gateway)
  if (own.length > 0) server.use(lazu.lazuGuard(...own))
  if (gateway !== undefined) server.use(gateway.admit)
  for (const { name, options } of before)
    server.use(Reflect.apply(lazu[name], undefined, [options]))
  server.use(express.json({ limit: app.bodyLimitBytes ?? 100_000 }))
  if (gateway !== undefined) server.use(gateway.meter)
  for (const { name, options } of after) server.use(Reflect.apply(lazu[name], undefined, [options]))
  for (const [route, handler] of Object.entries(app.routes)) {
    const [method = '', path = ''] = route.split(' ')
    if (method === 'GET') server.get(path, adapt(handler))
    else if (method === 'POST') server.post(path, adapt(handler))
    else throw new Error(`no such method in the harness: ${method}`)
  }
  if (app.notFound !== false) server.use(lazu.lazuNotFound())
  if (app.errors !== false) server.use(lazu.lazuErrors(app.errors))
  return listening(server.listen(0, '127.0.0.1'))
}

function adapt(handler: Handler): RequestHandler {
  return async (request, response) => {
    const value = await handler({
      lazu: request.lazu,
      body: request.body,
      raw: { request, response },
      setHeader: (name, text) => void response.set(name, text),
      async stream(source) {
        response.type('text/event-stream')
        for await (const chunk of source) response.write(chunk)
        response.end()
      },
    })
    if (value !== undefined) response.json(value)
  }
}
