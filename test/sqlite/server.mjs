// A gateway on a SQLite file, as a process of its own. Its one argument is the JSON of a ServerSetup,
// see server-process.ts. It prints a line of JSON for whatever its parent is to know.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createKeys, lazu, lazuErrors, systemClock } from '@lazu/express'
import { sqliteStore } from '@lazu/sqlite'
import express from 'express'
import { die, tell, tellAndDie } from './telling-ledger.mjs'

/** @type {import('./server-process.js').ServerSetup & { knownMs: number }} */
const { path, price, knownMs, killAt } = JSON.parse(process.argv[2] ?? '')

// The time by which keys are remembered is moved on by the parent.
let advanceMs = 0
const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + advanceMs }

// Long enough for a machine that is busy with everything else.
const { keys: store, ledger, requestLog } = sqliteStore({ path, busyTimeout: '10s' })
tellAndDie(ledger, killAt)
const keys = createKeys({ store, clock, cache: { knownMs } })
const prices = { m: price }
const gateway = lazu({ keys, ledger, prices, requestLog, reservationTtl: '60s' })

const app = express()
app.use('/v1', gateway.admit, express.json(), gateway.meter)

app.post('/v1/chat', (request, response) => {
  request.lazu.charge(request.body.usage)
  response.json({ ok: true })
})

app.post('/v1/stream', async (request, response) => {
  response.type('text/event-stream')
  for (let event = 0; event < 3; event++) {
    response.write(`data: ${event}\n\n`)
    await nextTurn()
    if (request.body.neverEnds === true) return
  }
  request.lazu.charge(request.body.usage)
  response.end()
})

app.post('/advance', express.json(), (request, response) => {
  advanceMs += request.body.ms
  response.json({})
})

// Whatever a ledger or keys can do: the body is the list of the arguments.
app.post('/call/:part/:method', express.json(), async (request, response) => {
  const { part, method } = request.params
  const called = part === 'keys' ? keys : ledger
  const result = await Reflect.apply(Reflect.get(called, method), called, request.body)
  response.json(result ?? null)
})

app.post('/die', express.json(), (request) => die(request.body.id))

app.use(lazuErrors())

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) {
    tell({ event: 'listening', port: address.port })
  }
})
