// The preset of lazu on Fastify without quota: the guards that run before the body is read.
import { lazu } from '@lazu/fastify'
import Fastify from 'fastify'
import { complete, route } from './completion.js'
import { headOptions } from './lazu-options.js'
import { announce, host } from './serve.js'

const app = Fastify()
await app.register(lazu, headOptions)
app.post(route, async (request) => complete(request.body))
await app.listen({ port: 0, host })
announce(app.server)
