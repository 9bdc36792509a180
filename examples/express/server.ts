import { once } from 'node:events'
import {
  chatChunks,
  complete,
  eventStream,
  modelList,
  type ChatRequest,
  type ExampleUpstream,
  type Serve,
} from '@lazu/example-model'
import { lazu, lazuErrors, lazuNotFound, type GatewayOptions } from '@lazu/express'
import express, { type Express } from 'express'

/** An OpenAI-compatible API, behind the gateway: the built-in model, or a real one. */
export function createApp(options: GatewayOptions, real?: ExampleUpstream): Express {
  const app = express()
  const gateway = lazu(options)

  app.use('/v1', gateway.admit, express.json(), gateway.meter)

  app.get('/v1/models', (_request, response) => {
    response.json(modelList(options))
  })

  app.post('/v1/chat/completions', async (request, response) => {
    if (real !== undefined) return real.upstream.forward(request.lazu)
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

/** Serves it, on this machine only unless a host is given. */
export const serve: Serve = async ({ options, upstream }, port, host = '127.0.0.1') => {
  const server = createApp(options, upstream).listen(port, host)
  await once(server, 'listening')
  return server
}
