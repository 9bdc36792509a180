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
  type Serve,
} from '@lazu/example-model'
import { lazu, lazuErrors, lazuNotFound, type GatewayOptions } from '@lazu/koa'
import Koa from 'koa'

/** An OpenAI-compatible API, behind the gateway. */
export function createApp(options: GatewayOptions): Koa {
  const app = new Koa()
  const gateway = lazu(options)
  const router = new Router({ prefix: '/v1' })

  app.use(lazuErrors())
  app.use(gateway.admit)
  app.use(bodyParser())
  app.use(gateway.meter)

  router.get('/models', (context) => {
    context.body = modelList()
  })

  router.post('/chat/completions', async (context) => {
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
export const serve: Serve = async ({ options }, port, host = '127.0.0.1') => {
  const server = createApp(options).listen(port, host)
  await once(server, 'listening')
  return server
}
