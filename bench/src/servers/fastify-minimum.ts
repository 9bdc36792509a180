// The hand-written minimum on Fastify.
import Fastify from 'fastify'
import { complete, route } from './completion.js'
import { admit, charge } from './hand-written.js'
import { announce, host } from './serve.js'

const app = Fastify()
app.addHook('onRequest', (request, reply, done) => {
  if (admit(request.raw, reply.raw)) done()
  else reply.hijack()
})
app.post(route, async (request) => {
  const answer = complete(request.body)
  charge(request.raw, answer.usage)
  return answer
})
await app.listen({ port: 0, host })
announce(app.server)
