import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import {
  chatChunks,
  complete,
  eventStream,
  modelList,
  type ChatRequest,
  type Demo,
} from '@lazu/example-model'
import { lazu, lazuFrameworkErrors } from '@lazu/fastify'
import Fastify, { type FastifyInstance } from 'fastify'

/** An OpenAI-compatible API, behind the gateway. */
export async function createApp(demo: Demo): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' }, frameworkErrors: lazuFrameworkErrors() })

  await app.register(lazu, demo.options)

  app.get('/v1/models', () => modelList())

  app.post<{ Body: ChatRequest }>('/v1/chat/completions', async (request, reply) => {
    const chat = request.body
    if (chat.stream !== true) {
      const completion = await complete(chat, request.lazu.signal)
      request.lazu.charge(completion.usage)
      return completion
    }
    const chunks = chatChunks(chat, request.lazu.signal, (usage) => request.lazu.charge(usage))
    return reply.type('text/event-stream').send(Readable.from(eventStream(chunks)))
  })

  return app
}

/** Serves a demo on a port of this machine, 0 for any. */
export async function serve(demo: Demo, port: number): Promise<Server> {
  const app = await createApp(demo)
  await app.listen({ port, host: '127.0.0.1' })
  return app.server
}
