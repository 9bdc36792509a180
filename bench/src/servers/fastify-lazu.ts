// The whole preset of lazu on Fastify.
import { lazu } from '@lazu/fastify'
import Fastify from 'fastify'
import { complete, route } from './completion.js'
import { options } from './lazu-options.js'
import { announce, host } from './serve.js'

const app = Fastify()
await app.register(lazu, options)
app.post(route, async (request) => {
  const answer = complete(request.body)
  request.lazu.charge(answer.usage)
  return answer
})
await app.listen({ port: 0, host })
announce(app.server)
