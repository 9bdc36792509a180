// Fastify with what is usually put on it: @fastify/bearer-auth and @fastify/rate-limit, Fastify's own
// request ids and timeout, and node:net's list of addresses, for which there is no usual plugin.
import { randomUUID } from 'node:crypto'
import { BlockList } from 'node:net'
import bearerAuth from '@fastify/bearer-auth'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { complete, route } from './completion.js'
import { announce, host } from './serve.js'
import { key, perMinute, timeoutMs } from './told.js'

const allowed = new BlockList()
allowed.addSubnet('127.0.0.0', 8)
allowed.addSubnet('10.0.0.0', 8)

const app = Fastify({ genReqId: () => randomUUID(), handlerTimeout: timeoutMs })
app.addHook('onRequest', (request, reply, done) => {
  reply.header('x-request-id', request.id)
  if (allowed.check(request.ip)) done()
  else reply.code(403).send({ error: 'not from this address' })
})
await app.register(bearerAuth, { keys: new Set([key]) })
await app.register(rateLimit, {
  max: perMinute,
  timeWindow: '1 minute',
  keyGenerator: ({ headers, ip }) => headers.authorization ?? ip,
})
app.post(route, async (request) => complete(request.body))
await app.listen({ port: 0, host })
announce(app.server)
