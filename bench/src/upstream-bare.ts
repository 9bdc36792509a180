// Fastify that passes a request on to an upstream with `pipeline()` of undici, and does nothing else.
import { Readable, pipeline } from 'node:stream'
import Fastify from 'fastify'
import { Agent } from 'undici'
import { announce, host } from './servers/serve.js'

const origin = process.env['UPSTREAM_URL'] ?? ''
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

const app = Fastify()
app.post('/v1/chat/completions', (request, reply) => {
  reply.hijack()
  const content = JSON.stringify(request.body)
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(content)),
  }
  const options = { origin, path: request.url, method: 'POST', headers } as const
  const call = agent.pipeline(options, ({ statusCode, body }) => {
    reply.raw.writeHead(statusCode, { 'content-type': 'text/event-stream' })
    return body
  })
  pipeline(Readable.from([content]), call, reply.raw, (error) => {
    if (error) console.error(error)
  })
})
await app.listen({ port: 0, host })
announce(app.server)
