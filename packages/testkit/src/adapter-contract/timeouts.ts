import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Handler, HandlerInput, Harness } from '../harness.js'
import { ask, errorIn, expectError, open } from './client.js'
import { lastEvent } from './ended-responses.js'
import { RawClient } from './raw-client.js'
import { begin } from './timed-requests.js'
import { deferred, until } from './waiting.js'
import { serve, World } from './world.js'

/** As a handler does whose work goes by the signal. */
const untilAborted: Handler = async ({ lazu }) => {
  const aborted = deferred()
  lazu.signal.addEventListener('abort', () => aborted.resolve())
  await aborted.promise
  throw lazu.signal.reason
}

/** How long requests may take. Time passes only when a test says so. */
export function describeTimeouts(harness: Harness): void {
  describe('a total time', () => {
    it('is answered for with 504 when it is over, and not before', async () => {
      const gate = deferred<object>()
      const { world, answer, input } = await begin(harness, { timeout: '5s' }, () => gate.promise)
      const { signal } = input.lazu
      world.clock.advance(4_999)
      expect(signal.aborted).toBe(false)
      world.clock.advance(1)
      const error = expectError(await answer, 504, 'upstream_timeout')
      expect(error).toMatchObject({
        type: 'upstream_error',
        message: 'The request timed out after 5 seconds.',
      })
      expect(signal.aborted).toBe(true)
      expect(signal.reason).toMatchObject({ condition: 'request_timeout' })
      await world.untilQuiet()
      expect(world.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0 })
      gate.resolve({})
    })

    it('is nothing to a request that is quicker', async () => {
      const { world, answer } = await begin(harness, { timeout: '5s' }, () => ({ ok: true }))
      expect(await answer).toMatchObject({ status: 200, text: '{"ok":true}' })
      await world.untilQuiet()
      world.clock.advance(60_000)
      expect(world.happened.failed).toEqual([])
    })

    it('gives the work aborted by the signal its reason, which is no answer any more', async () => {
      const { world, answer } = await begin(harness, { timeout: 1_000 }, untilAborted)
      world.clock.advance(1_000)
      expectError(await answer, 504, 'upstream_timeout')
      await world.untilQuiet()
      expect(world.log).toEqual([])
      expect(world.happened.failed).toHaveLength(1)
    })

    it('ends a client that sends its body a byte at a time', async () => {
      const world = new World()
      const key = await world.key()
      let handled = 0
      const server = await serve(harness, {
        gateway: world.gateway({ timeout: '5s' }),
        routes: { 'POST /work': () => ({ handled: ++handled }) },
      })
      const client = await RawClient.connect(server)
      client.sendHead(
        'POST /work HTTP/1.1',
        'Host: here',
        'Content-Type: application/json',
        'Content-Length: 1000',
        `Authorization: Bearer ${key}`,
      )
      await until('the timer runs', () => world.clock.waiting > 0)
      client.send('{')
      world.clock.advance(5_000)
      await client.untilClosed()
      expect(client.received).toMatch(/^HTTP\/1.1 504 /)
      expect(errorIn(client.received.split('\r\n\r\n')[1] ?? '').code).toBe('upstream_timeout')
      await until('no timer waits', () => world.clock.waiting === 0)
      expect(handled).toBe(0)
    })

    it('works as lazuTimeout alone', async () => {
      const world = new World()
      const gate = deferred<object>()
      const options = { timeout: { total: '5s' }, ...world.common }
      const server = await serve(harness, {
        guards: { before: [{ name: 'lazuTimeout', options }] },
        routes: { 'GET /work': () => gate.promise },
      })
      const response = ask(server, 'GET /work')
      await until('the timer runs', () => world.clock.waiting === 1)
      world.clock.advance(5_000)
      expectError(await response, 504, 'upstream_timeout')
      gate.resolve({})
      await until('the late answer is noticed', () => world.happened.lateWrite.length === 1)
    })
  })

  describe('a time to the first byte', () => {
    it('is answered for with 504 when nothing came', async () => {
      const gate = deferred<object>()
      const options = { timeout: { firstByte: '2s' } }
      const { world, answer } = await begin(harness, options, () => gate.promise)
      world.clock.advance(2_000)
      expectError(await answer, 504, 'upstream_timeout')
      gate.resolve({})
      await world.untilQuiet()
    })

    it('does not cut a stream that has begun', async () => {
      const source = new Readable({ read() {} })
      const timeout = { firstByte: '2s' }
      const { world, answer, input } = await begin(harness, { timeout }, ({ stream }) =>
        stream(source),
      )
      source.push('data: 1\n\n')
      await until('the head is sent', () => input.raw.response.headersSent)
      world.clock.advance(60_000)
      source.push('data: 2\n\n')
      source.push(null)
      expect((await answer).text).toBe('data: 1\n\ndata: 2\n\n')
      await world.untilQuiet()
    })
  })

  describe('a time between chunks', () => {
    const timeout = { idle: '3s' }

    it('does not cut a stream that flows, however long it takes', async () => {
      const world = new World()
      const key = await world.key()
      const source = new Readable({ read() {} })
      const server = await serve(harness, {
        gateway: world.gateway({ timeout }),
        routes: { 'GET /stream': ({ stream }) => stream(source) },
      })
      const client = await RawClient.connect(server)
      client.sendHead('GET /stream HTTP/1.1', 'Host: here', `Authorization: Bearer ${key}`)
      for (let n = 0; n < 10; n++) {
        source.push(`data: ${n}.\n\n`)
        await client.untilReceived(`data: ${n}.`)
        world.clock.advance(2_999)
      }
      source.push(null)
      await client.untilReceived('\r\n0\r\n\r\n')
      expect(client.received).not.toContain('error')
      await until('no timer waits', () => world.clock.waiting === 0)
      client.leave()
    })

    it('ends a stream that stopped with the error as its last event', async () => {
      const source = new Readable({ read() {} })
      const { world, answer, input } = await begin(harness, { timeout }, ({ stream }) =>
        stream(source),
      )
      source.push('data: 1\n\n')
      await until('the timer runs', () => world.clock.waiting > 1)
      world.clock.advance(3_000)
      const { status, text } = await answer
      expect(status).toBe(200)
      expect(text.startsWith('data: 1\n\n')).toBe(true)
      expect(errorIn(lastEvent(text)).code).toBe('upstream_timeout')
      expect(input.lazu.signal.aborted).toBe(true)
      await world.untilQuiet()
      source.push('data: 2\n\n')
      source.push(null)
      expect(world.happened.settled).toMatchObject([{ ended: 'released' }])
    })

    it('is not for the time before the first one', async () => {
      const gate = deferred<object>()
      const { world, answer } = await begin(harness, { timeout }, () => gate.promise)
      world.clock.advance(30_000)
      gate.resolve({ ok: true })
      expect((await answer).status).toBe(200)
      await world.untilQuiet()
    })
  })

  describe('a timeout when the response has begun', () => {
    it('cuts off what is no event stream', async () => {
      const world = new World()
      const key = await world.key()
      const gate = deferred()
      const server = await serve(harness, {
        gateway: world.gateway({ timeout: '5s' }),
        routes: {
          'GET /half': async ({ raw: { response } }) => {
            response.writeHead(200, { 'content-type': 'application/json' })
            response.write('{"half":')
            await gate.promise
            response.end('true}')
          },
        },
      })
      const response = await open(server, 'GET /half', { key })
      world.clock.advance(5_000)
      await expect(response.text()).rejects.toThrow('terminated')
      gate.resolve()
      await until('no timer waits', () => world.clock.waiting === 0)
      expect((await ask(server, 'GET /nothing', { key })).status).toBe(404)
    })

    it.each<[string, Handler]>([
      ['an answer', () => ({ text: 'x'.repeat(30_000_000) })],
      ['a stream', ({ stream }) => stream(Readable.from(manyEvents()))],
    ])('ends a client, too, that does not read %s', async (_, handler) => {
      const world = new World()
      world.credit(1_000)
      const key = await world.key()
      const entered = deferred<HandlerInput>()
      const server = await serve(harness, {
        gateway: world.paid({ timeout: '5s', limits: { concurrency: 1 } }),
        routes: {
          'POST /work': (input) => {
            entered.resolve(input)
            return handler(input)
          },
          'GET /ok': () => ({ ok: true }),
        },
      })
      const client = await RawClient.connect(server)
      client.stopReading()
      const body = JSON.stringify({ model: 'm', max_tokens: 100 })
      client.sendHead(
        'POST /work HTTP/1.1',
        'Host: here',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        `Authorization: Bearer ${key}`,
      )
      client.send(body)
      const { raw } = await entered.promise
      const { response } = raw
      await until(
        'the answer waits for its reader',
        () => response.writableNeedDrain || response.writableLength > 1_000_000,
      )
      world.clock.advance(5_000)
      expect((await ask(server, 'GET /ok', { key })).status).toBe(429)
      world.clock.advance(5_000)
      await world.untilQuiet()
      expect((await ask(server, 'GET /ok', { key })).status).toBe(200)
      expect(world.happened.settled).toMatchObject([{ ended: 'released' }])
      client.leave()
    })
  })
}

/** More than the connection takes without a reader, and then nothing. */
async function* manyEvents(): AsyncGenerator<string> {
  for (let n = 0; n < 300; n++) yield `data: ${'x'.repeat(100_000)}\n\n`
  await new Promise(() => {})
}
