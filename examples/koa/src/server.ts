import { once } from 'node:events'
import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import {
  chatChunks,
  chatSchema,
  complete,
  eventStream,
  modelList,
  type Demo,
} from '@lazu/example-model'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/koa'
import Koa from 'koa'

/** An OpenAI-compatible API, behind the gateway. */
export function createApp(demo: Demo): Koa {
  const app = new Koa()
  const gateway = lazu(demo.options)
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

/** Serves a demo on a port of this machine, 0 for any. */
export async function serve(demo: Demo, port: number): Promise<Server> {
  const server = createApp(demo).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
