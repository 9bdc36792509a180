// Two gateways to the models that are given in JSON: one with a logger, one that logs as it does by
// default. When asked for it, this process tells all that it has heard.
import { createEvents, createKeys, lazu, lazuErrors, MemoryLedger, usd } from '@lazu/express'
import { channels } from '@lazu/upstream'
import express from 'express'

const names = /** @type {const} */ ([
  'refused',
  'failed',
  'observed',
  'settled',
  'unsettled',
  'degraded',
  'channelFailed',
  'lateWrite',
])

const models = JSON.parse(process.argv[2] ?? '{}')
const upstream = channels({ models, breaker: { failures: 1_000 } })
const keys = createKeys()
const ledger = new MemoryLedger()
ledger.credit('acme', usd(1_000), 'first')
const { key } = await keys.create({ account: 'acme', name: 'a key' })
const price = { input: usd(1), output: usd(1) }
const prices = Object.fromEntries(Object.keys(models).map((model) => [model, price]))

const events = createEvents()
/** @type {object[]} */
const heard = []
for (const name of names) events.on(name, (event) => heard.push({ name, ...event }))
/** @type {string[]} */
const lines = []
const note = (/** @type {object} */ fields, /** @type {string} */ message) => {
  lines.push(`${message} ${JSON.stringify(fields)}`)
}

const ports = await Promise.all([listen({ logger: { error: note, warn: note } }), listen({})])
process.send?.({ ports, key })
process.on('message', () => {
  process.send?.({ heard, lines }, () => process.exit())
})

/**
 * @param {object} options
 * @returns {Promise<number>}
 */
function listen(options) {
  const gateway = lazu({ keys, ledger, prices, events, protocol: 'native', ...options })
  const app = express()
  app.use('/v1', gateway.admit, express.json(), gateway.meter)
  app.post(['/v1/chat/completions', '/v1/messages'], (request) => upstream.forward(request.lazu))
  app.post('/v1/own', async (request, response) => {
    const { body } = request
    const answer = await upstream.call(request.lazu, { path: '/v1/chat/completions', body })
    response.json(await answer.json())
  })
  app.use(lazuErrors())
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(Object(server.address()).port))
  })
}
