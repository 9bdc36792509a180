import { once } from 'node:events'
import type { Server } from 'node:http'
import {
  chatChunks,
  complete,
  eventStream,
  modelList,
  type ChatRequest,
  type Demo,
} from '@lazu/example-model'
import { lazu, lazuErrors, lazuNotFound } from '@lazu/express'
import express, { type Express } from 'express'

/** An OpenAI-compatible API, behind the gateway. */
export function createApp(demo: Demo): Express {
  const app = express()
  const gateway = lazu(demo.options)

  app.use('/v1', gateway.admit, express.json(), gateway.meter)

  app.get('/v1/models', (_request, response) => {
    response.json(modelList())
  })

  app.post('/v1/chat/completions', async (request, response) => {
    const chat: ChatRequest = request.body
    if (chat.stream !== true) {
      const completion = await complete(chat, request.lazu.signal)
      request.lazu.charge(completion.usage)
      response.json(completion)
      return
    }
    const chunks = chatChunks(chat, request.lazu.signal, (usage) => request.lazu.charge(usage))
    response.type('text/event-stream')
    for await (const event of eventStream(chunks)) {
      if (!response.write(event)) await once(response, 'drain', { signal: request.lazu.signal })
    }
    response.end()
  })

  app.use(lazuNotFound())
  app.use(lazuErrors())
  return app
}

/** Serves a demo on a port of this machine, 0 for any. */
export async function serve(demo: Demo, port: number): Promise<Server> {
  const server = createApp(demo).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
