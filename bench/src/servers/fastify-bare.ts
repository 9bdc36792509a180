// Fastify with a handler and nothing else; it parses JSON by itself.
import Fastify from 'fastify'
import { complete, route } from './completion.js'
import { announce, host } from './serve.js'

const app = Fastify()
app.post(route, async (request) => complete(request.body))
await app.listen({ port: 0, host })
announce(app.server)
