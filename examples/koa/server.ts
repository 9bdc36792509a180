import { once } from 'node:events'
import { Readable } from 'node:stream'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import {
  chatChunks,
  chatSchema,
  complete,
  eventStream,
  modelList,
  type ExampleUpstream,
  type Serve,
} from '@lazu/example-model'
import { lazu, lazuErrors, lazuNotFound, type GatewayOptions } from '@lazu/koa'
import Koa from 'koa'

/** An OpenAI-compatible API, behind the gateway: the built-in model, or a real one. */
export function createApp(options: GatewayOptions, real?: ExampleUpstream): Koa {
  const app = new Koa()
  const gateway = lazu(options)
  const router = new Router({ prefix: '/v1' })

  app.use(lazuErrors())
  app.use(gateway.admit)
  app.use(bodyParser())
  app.use(gateway.meter)

  router.get('/models', (context) => {
    context.body = modelList(options)
  })

  router.post('/chat/completions', async (context) => {
    if (real !== undefined) {
      await real.upstream.forward(context.lazu)
      return
    }
    const chat = chatSchema.parse(context.request.body)
    if (chat.stream !== true) {
      const completion = await complete(chat, context.lazu.signal)
      context.lazu.charge(completion.usage)
      context.body = completion
      return
    }
    const chunks = chatChunks(chat, context.lazu.signal, (usage) => context.lazu.charge(usage))
    context.type = 'text/event-stream'
    context.body = Readable.from(eventStream(chunks))
  })

  app.use(router.routes())
  app.use(lazuNotFound())
  return app
}

/** Serves it, on this machine only unless a host is given. */
export const serve: Serve = async ({ options, upstream }, port, host = '127.0.0.1') => {
  const server = createApp(options, upstream).listen(port, host)
  await once(server, 'listening')
  return server
}
