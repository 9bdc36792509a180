// Fastify that passes a request on with `forward` of @lazu/upstream.
import { lazu } from '@lazu/fastify'
import { channels } from '@lazu/upstream'
import Fastify from 'fastify'
import { announce, host } from './servers/serve.js'

const url = process.env['UPSTREAM_URL'] ?? ''
const upstream = channels({ models: { '*': [{ name: 'upstream', url, key: null }] } })

const app = Fastify()
await app.register(lazu)
app.post('/v1/chat/completions', (request) => upstream.forward(request.lazu))
await app.listen({ port: 0, host })
announce(app.server)
