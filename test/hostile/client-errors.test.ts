import type { Server } from 'node:http'
import * as ofExpress from '@lazu/express'
import * as ofFastify from '@lazu/fastify'
import * as ofKoa from '@lazu/koa'
import { answerClientErrors } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import { chat, harnesses, targetsOn, type Target } from './target.js'

const nonsense = 'nonsense\r\n\r\n'
const adapters = { express: ofExpress, fastify: ofFastify, koa: ofKoa }

it('is exported by every adapter', () => {
  for (const adapter of Object.values(adapters)) {
    expect(adapter.answerClientErrors).toBe(answerClientErrors)
  }
})

describe.each(harnesses)('answerClientErrors on $name', (harness) => {
  const start = targetsOn(harness)

  async function startWithHook(target?: Target): Promise<[Target, Server]> {
    const started = target ?? (await start())
    const server = await started.server()
    expect(answerClientErrors(server, { clock: started.clock })).toBe(server)
    return [started, server]
  }

  it('answers with the envelope and a new request id each time, and hangs up', async () => {
    const [target] = await startWithHook()
    const ids = new Set<string>()
    for (let count = 0; count < 3; count++) {
      const connection = target.connect()
      connection.write(nonsense)
      const [answer, ...others] = await connection.closedByServer()
      if (answer === undefined) throw new Error('there was no answer')
      ids.add(target.expectRefused(answer, 400, 'invalid_request').request_id)
      expect(answer.headers['connection']).toBe('close')
      expect(answer.headers['date']).toBe('Thu, 15 Jan 2026 12:00:00 GMT')
      expect(others).toEqual([])
    }
    expect(ids.size).toBe(3)
  })

  it('answers once however often it was asked to, and lets others listen', async () => {
    const [target, server] = await startWithHook()
    answerClientErrors(server)
    const heard: unknown[] = []
    server.on('clientError', (error) => heard.push(error))
    const connection = target.connect()
    connection.write(nonsense)
    expect(await connection.closedByServer()).toHaveLength(1)
    expect(connection.rest).toBe('')
    expect(heard).toHaveLength(1)
  })

  it('answers 408 to a request that is not sent in time', async () => {
    const [target, server] = await startWithHook()
    const connection = target.connect()
    const connected = new Promise<unknown>((resolve) => server.once('connection', resolve))
    connection.write(`POST ${chat} HTTP/1.1\r\nHost: a\r\n`)
    // What Node does when server.requestTimeout is over, which it looks at every half minute.
    const error = Object.assign(new Error('timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
    server.emit('clientError', error, await connected)
    const [answer] = await connection.closedByServer()
    if (answer === undefined) throw new Error('there was no answer')
    target.expectRefused(answer, 408, 'invalid_request')
    expect(answer.headers['x-should-retry']).toBe('false')
  })

  it('is silent to a client that has gone', async () => {
    const [target, server] = await startWithHook()
    const connected = new Promise<unknown>((resolve) => server.once('connection', resolve))
    const connection = target.connect()
    connection.write('GET / HT')
    const socket = await connected
    await connection.close()
    for (const code of ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE']) {
      server.emit('clientError', Object.assign(new Error(code), { code }), socket)
    }
    await vi.waitFor(() => expect(Reflect.get(Object(socket), 'destroyed')).toBe(true), {
      interval: 2,
    })
    target.expectRefused(await target.send({ key: null }), 401)
  })

  it('writes nothing into a response that has begun', async () => {
    const [target] = await startWithHook(
      await start({
        handler: ({ raw: { response } }) => {
          response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '100' })
          response.write('begun')
          return new Promise(() => undefined)
        },
      }),
    )
    const connection = target.connect()
    connection.write(target.bytes([`Authorization: Bearer ${target.key}`]))
    await vi.waitFor(() => expect(connection.rest).toContain('begun'), { interval: 2 })
    connection.write(nonsense)
    expect(await connection.closedByServer()).toEqual([])
    expect(connection.rest.endsWith('begun')).toBe(true)
  })

  it('answers in the place of a handler that has not, whose answer is then lost', async () => {
    let answerNow: (() => void) | undefined
    const [target] = await startWithHook(
      await start({
        handler: () => new Promise((resolve) => (answerNow = () => resolve({ late: true }))),
      }),
    )
    const connection = target.connect()
    connection.write(target.bytes([`Authorization: Bearer ${target.key}`]))
    await vi.waitFor(() => expect(target.handled).toHaveLength(1), { interval: 2 })
    connection.write(nonsense)
    const [answer, ...others] = await connection.closedByServer()
    answerNow?.()
    if (answer === undefined) throw new Error('there was no answer')
    target.expectEnvelope(answer)
    expect(answer.status).toBe(400)
    expect(others).toEqual([])
    expect(connection.rest).toBe('')
    await vi.waitFor(() => expect(target.ledger.balance('acme').held).toBe(0), { interval: 2 })
    expect(target.ledger.balance('acme').settled).toBe(0)
  })
})
