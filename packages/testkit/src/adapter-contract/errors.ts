import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import {
  ask,
  errorIn,
  expectError,
  open,
  requestIdForm,
  requestIdHeaders,
  requestIdsOf,
} from './client.js'
import { RawClient } from './raw-client.js'
import { secret, thrownThings } from './thrown-things.js'
import { serve, World } from './world.js'

/** Whatever a handler throws, the caller gets the envelope. */
export function describeErrors(harness: Harness): void {
  describe('what a handler throws', () => {
    it.each(thrownThings)('$name is answered with $status $code', async (thing) => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: {
          'POST /throw': ({ lazu }) => {
            throw thing.make(lazu)
          },
        },
      })
      const answer = await ask(server, 'POST /throw', { body: {} })
      const error = expectError(answer, thing.status, thing.code, thing.param)
      expect(error.message).toBe(thing.message ?? error.message)
      for (const [name, value] of Object.entries(thing.headers ?? {})) {
        expect(answer.headers.get(name)).toBe(value)
      }
      expectNothingSecret(answer.text + JSON.stringify([...answer.headers]))
    })

    it('is logged once when it is the server that failed, without the keys in it', async () => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway(),
        routes: {
          'GET /throw': () => {
            throw new Error(`could not send Bearer ${key} to ${secret}`)
          },
        },
      })
      const { request_id } = expectError(
        await ask(server, 'GET /throw', { key }),
        500,
        'internal_error',
      )
      expect(world.log).toHaveLength(1)
      expect(world.log[0]?.fields).toMatchObject({ requestId: request_id, err: { type: 'Error' } })
      expect(world.logText).toContain('could not send')
      expect(world.logText).not.toContain(key)
      expect(world.logText).not.toContain('sk-lazu-')
      expect(world.happened.failed).toMatchObject([
        { requestId: request_id, condition: 'internal_error', status: 500, account: 'acme' },
      ])
    })

    it('is not logged when the caller is to blame', async () => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: { 'GET /throw': ({ lazu }) => lazu.fail('file_not_found') },
      })
      await ask(server, 'GET /throw')
      expect(world.log).toEqual([])
      expect(world.happened.refused).toMatchObject([{ condition: 'file_not_found', status: 404 }])
    })

    it('keeps headers that were set before', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: {
          'GET /throw': ({ lazu, setHeader }) => {
            setHeader('access-control-allow-origin', '*')
            return lazu.fail('file_not_found')
          },
        },
      })
      const answer = await ask(server, 'GET /throw')
      expectError(answer, 404, 'file_not_found')
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    })

    it('takes off headers that described the body that did not come', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: {
          'GET /throw': ({ lazu, setHeader }) => {
            setHeader('content-type', 'text/csv')
            setHeader('content-disposition', 'attachment')
            setHeader('cache-control', 'max-age=3600')
            setHeader('etag', '"1"')
            return lazu.fail('file_not_found')
          },
        },
      })
      const answer = await ask(server, 'GET /throw')
      expectError(answer, 404, 'file_not_found')
      for (const name of ['content-disposition', 'cache-control', 'etag']) {
        expect([name, answer.headers.get(name)]).toEqual([name, null])
      }
    })

    it.each([
      ['a cycle', cycle()],
      ['a BigInt', { big: 1n }],
    ])('an answer that is no JSON (%s) is a 500', async (_, value) => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        routes: { 'GET /odd': () => value },
      })
      const answer = await ask(server, 'GET /odd')
      expectError(answer, 500, 'internal_error')
      expect(world.log).toHaveLength(1)
    })
  })

  describe('what never comes to a handler', () => {
    it('is 404 where there is no route', async () => {
      const server = await serve(harness, { routes: {} })
      const answer = await ask(server, 'GET /nothing/here?token=abc')
      const { message } = expectError(answer, 404, 'route_not_found')
      expect(message).toBe('There is nothing at GET /nothing/here.')
    })

    it.each([
      ['no JSON', '{"model": "SECRET', 400, 'bad_request_body'],
      ['too large', JSON.stringify({ text: 'x'.repeat(2_000) }), 413, 'payload_too_large'],
    ])('a body that is %s is refused', async (_, body, status, code) => {
      const world = new World()
      const server = await serve(harness, {
        ...world.plain(),
        bodyLimitBytes: 1_000,
        routes: { 'POST /chat': ({ body: parsed }) => ({ parsed }) },
      })
      const answer = await ask(server, 'POST /chat', { body })
      expectError(answer, status, code)
      expect(answer.text).not.toContain('SECRET')
      expect(world.log).toEqual([])
    })

    it('a HEAD request gets the head of the answer and no body', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: {
          'GET /throw': () => {
            throw new Error(secret)
          },
        },
      })
      for (const [path, status] of [
        ['/throw', 500],
        ['/nothing', 404],
      ]) {
        const client = await RawClient.connect(server)
        client.sendHead(`HEAD ${path} HTTP/1.1`, 'Host: here', 'Connection: close')
        await client.untilClosed()
        expect(client.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
        expect(client.received).toMatch(/\r\nx-request-id: req_lazu_/i)
        expect(client.received.endsWith('\r\n\r\n')).toBe(true)
      }
    })

    it('an absolute target counts by its path', async () => {
      const server = await serve(harness, { routes: {} })
      const client = await RawClient.connect(server)
      client.sendHead('GET http://evil.example/v1/none HTTP/1.1', 'Host: here', 'Connection: close')
      await client.untilClosed()
      const { message } = errorIn(client.received.split('\r\n\r\n')[1] ?? '')
      expect(message).toBe('There is nothing at GET /v1/none.')
    })
  })

  describe('the request id', () => {
    it('is on every answer, another one each time', async () => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway(),
        routes: { 'GET /ok': ({ lazu }) => ({ id: lazu.requestId }) },
      })
      const ids = new Set<string>()
      for (let count = 0; count < 20; count++) {
        const response = await open(server, 'GET /ok', { key })
        const { id }: { id?: unknown } = JSON.parse(await response.text())
        for (const name of requestIdHeaders) expect(response.headers.get(name)).toBe(id)
        ids.add(String(id))
      }
      expect(ids.size).toBe(20)
    })

    it('is put on by lazuRequestId alone', async () => {
      const server = await serve(harness, {
        ...new World().plain(),
        routes: { 'GET /ok': ({ lazu }) => ({ id: lazu.requestId }) },
      })
      const { headers, text } = await ask(server, 'GET /ok')
      const ids = requestIdsOf(headers)
      expect(text).toBe(JSON.stringify({ id: ids[0] }))
      expect(ids).toEqual([ids[0], ids[0], ids[0]])
      expect(ids[0]).toMatch(requestIdForm)
    })

    it.each([
      ['a harmless one', 'my-own.id_1'],
      ['a long one', 'x'.repeat(5_000)],
      ['a script', '<script>alert(1)</script>'],
      ['an escaped line break', 'a%0d%0aSet-Cookie: a=b'],
    ])("is never the caller's own: %s", async (_, own) => {
      const world = new World()
      const server = await serve(harness, {
        gateway: world.gateway(),
        routes: {},
      })
      const answer = await ask(server, 'GET /ok', { headers: { 'x-request-id': own } })
      expectError(answer, 401, 'invalid_api_key')
      expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(own)
      const { clientRequestId } = world.happened.refused[0] ?? {}
      expect(clientRequestId).toBe(own === 'my-own.id_1' ? own : undefined)
    })
  })
}

function cycle(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}

function expectNothingSecret(text: string): void {
  for (const word of ['SECRET', 'hunter2', 'sk-lazu-', '    at ', '.js:', '.ts:']) {
    expect(text).not.toContain(word)
  }
}
