import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { BodySchema } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { App, Harness } from '../harness.js'
import { ask, errorIn, expectError } from './client.js'
import { RawClient } from './raw-client.js'
import { serve, World } from './world.js'

/** What is refused in the head phase never has its body read. */
export function describeHeadPhase(harness: Harness): void {
  describe('a request refused before its body', () => {
    it.each([
      ['Content-Length: 10000000000', (bytes: number) => Buffer.alloc(bytes, 'x')],
      ['Transfer-Encoding: chunked', (bytes: number) => chunkOf(bytes)],
    ])('is answered before a megabyte of it was sent (%s)', async (header, part) => {
      const world = new World()
      const { app, counts } = counting(world)
      const server = await serve(harness, app)
      const client = await RawClient.connect(server)
      client.sendHead('POST /chat HTTP/1.1', 'Host: here', 'Content-Type: application/json', header)
      let sent = 0
      while (!client.received.includes('\r\n\r\n') && sent < 1_000_000) {
        if (!(await client.push(part(16_000)))) break
        sent += 16_000
      }
      expect(sent).toBeLessThan(1_000_000)
      await client.untilClosed()
      const [head = '', body = ''] = client.received.split('\r\n\r\n')
      expect(head).toMatch(/^HTTP\/1.1 401 /)
      expect(head).toMatch(/\r\nconnection: close(\r\n|$)/i)
      expect(errorIn(body).code).toBe('invalid_api_key')
      expect(counts).toEqual({ validated: 0, handled: 0 })
    })

    it('is answered when not a byte of the body comes', async () => {
      const world = new World()
      const { app, counts } = counting(world)
      const server = await serve(harness, app)
      const client = await RawClient.connect(server)
      client.sendHead(
        'POST /chat HTTP/1.1',
        'Host: here',
        'Content-Type: application/json',
        'Content-Length: 10000000000',
      )
      await client.untilReceived('invalid_api_key')
      await client.untilClosed()
      expect(counts).toEqual({ validated: 0, handled: 0 })
    })

    it('has an answer that a client reads which is still sending', async () => {
      const world = new World()
      const server = await serve(harness, counting(world).app)
      const key = await world.key()
      const expected = { '/chat without a key': 401, '/chat with a key': 413 }
      expect(await statusesElsewhere(`${server.url}/chat`, key)).toEqual(expected)
    })

    it('keeps the connection when the rest of the body is small', async () => {
      const world = new World()
      const { app } = counting(world)
      const key = await world.key()
      const server = await serve(harness, app)
      const client = await RawClient.connect(server)
      const headers = ['Host: here', 'Content-Type: application/json', 'Content-Length: 2']
      client.sendHead('POST /chat HTTP/1.1', ...headers)
      client.send('{}')
      await client.untilReceived('invalid_api_key')
      client.sendHead('POST /chat HTTP/1.1', ...headers, `Authorization: Bearer ${key}`)
      client.send('{}')
      await client.untilReceived('"handled":1')
      expect(client.closed).toBe(false)
      client.leave()
    })

    it('runs no guard of the body and no handler, whatever the body is', async () => {
      const world = new World()
      const { app, counts } = counting(world)
      const server = await serve(harness, app)
      for (const body of [{ model: 'm' }, '{"broken', 'null', '']) {
        expectError(await ask(server, 'POST /chat', { body }), 401, 'invalid_api_key')
      }
      expect(counts).toEqual({ validated: 0, handled: 0 })
      expect(world.happened.refused).toHaveLength(4)
    })

    it('counts each of a hundred pipelined requests once', async () => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { rpm: 100 } }),
        routes: { 'GET /ok': ({ lazu }) => ({ left: lazu.limits[0]?.remaining }) },
      })
      const client = await RawClient.connect(server)
      const head = `GET /ok HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${key}\r\n\r\n`
      client.send(head.repeat(101))
      await client.untilReceived('request_rate_limit_exceeded')
      const lefts = [...client.received.matchAll(/\{"left":(\d+)\}/g)].map(([, left]) =>
        Number(left),
      )
      expect(lefts).toEqual(Array.from({ length: 100 }, (_, index) => 99 - index))
      client.leave()
    })
  })
}

/** An app that counts what comes past the head phase. */
function counting(world: World): { app: App; counts: { validated: number; handled: number } } {
  const counts = { validated: 0, handled: 0 }
  const schema: BodySchema = {
    safeParse() {
      counts.validated++
      return { success: true }
    },
  }
  const app: App = {
    gateway: world.gateway({ validate: schema }),
    routes: { 'POST /chat': () => ({ handled: ++counts.handled }) },
  }
  return { app, counts }
}

/**
 * The statuses of large requests, or what was thrown, as a client sees them whose turn is not ours:
 * in a thread of its own.
 */
async function statusesElsewhere(url: string, key: string): Promise<unknown> {
  const worker = new Worker(
    `const { parentPort, workerData: { url, key } } = require('node:worker_threads')
    const body = new Uint8Array(5_000_000)
    async function statusOf(headers) {
      const seen = new Set()
      for (let count = 0; count < 10; count++) {
        try {
          const response = await fetch(url, { method: 'POST', headers, body })
          await response.text()
          seen.add(response.status)
        } catch (error) {
          seen.add(String(error.cause))
        }
      }
      return [...seen].length === 1 ? [...seen][0] : [...seen]
    }
    async function run() {
      const type = { 'content-type': 'application/json' }
      parentPort.postMessage({
        '/chat without a key': await statusOf(type),
        '/chat with a key': await statusOf({ ...type, authorization: 'Bearer ' + key }),
      })
    }
    void run()`,
    { eval: true, workerData: { url, key } },
  )
  const [statuses] = await once(worker, 'message')
  await worker.terminate()
  return statuses
}

function chunkOf(bytes: number): Buffer {
  return Buffer.from(`${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`)
}
