import { Readable } from 'node:stream'
import {
  chatChunks,
  complete,
  eventStream,
  modelList,
  type ChatRequest,
  type ExampleUpstream,
  type Serve,
} from '@lazu/example-model'
import { lazu, lazuFrameworkErrors, type GatewayOptions } from '@lazu/fastify'
import Fastify, { type FastifyInstance } from 'fastify'

/** An OpenAI-compatible API, behind the gateway: the built-in model, or a real one. */
export async function createApp(
  options: GatewayOptions,
  real?: ExampleUpstream,
): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: 'warn' }, frameworkErrors: lazuFrameworkErrors() })

  await app.register(lazu, options)

  app.get('/v1/models', () => modelList(options))

  app.post<{ Body: ChatRequest }>('/v1/chat/completions', async (request, reply) => {
    if (real !== undefined) return real.upstream.forward(request.lazu)
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

/** Serves it, on this machine only unless a host is given. */
export const serve: Serve = async ({ options, upstream }, port, host = '127.0.0.1') => {
  const app = await createApp(options, upstream)
  await app.listen({ port, host })
  return app.server
}
