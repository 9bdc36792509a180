import { describe, expect, it } from 'vitest'
import type { Handler, Harness, RunningApp } from '../harness.js'
import { ask, errorIn, expectError, type AskOptions } from './client.js'
import { RawClient } from './raw-client.js'
import { serve, World } from './world.js'

const unknown = 'sk-lazu-0000000000000000000000000000000000000000'

const whoAmI: Handler = ({ lazu }) => ({ account: lazu.key?.account })

/** Where keys may stand, and what becomes of keys that may not be used. */
export function describeKeys(harness: Harness): void {
  async function start(world: World, options?: { badKeysPerMinute: number }): Promise<RunningApp> {
    return serve(harness, {
      gateway: world.gateway(options),
      routes: {
        'GET /v1/models': whoAmI,
        'GET /v1beta/models': whoAmI,
        'POST /v1/chat': whoAmI,
      },
    })
  }

  describe('API keys', () => {
    it.each<[string, string, (key: string) => Record<string, string>]>([
      ['Authorization: Bearer', '/v1/models', (key) => ({ authorization: `Bearer ${key}` })],
      ['a scheme in lower case', '/v1/models', (key) => ({ authorization: `bearer ${key}` })],
      ['two spaces', '/v1/models', (key) => ({ authorization: `Bearer  ${key}` })],
      ['x-api-key', '/v1/models', (key) => ({ 'x-api-key': key })],
      ['x-goog-api-key', '/v1/models', (key) => ({ 'x-goog-api-key': key })],
      [
        'two that agree',
        '/v1/models',
        (key) => ({ 'x-api-key': key, authorization: `Bearer ${key}` }),
      ],
    ])('are taken from %s', async (_, path, headers) => {
      const world = new World()
      const server = await start(world)
      const answer = await ask(server, `GET ${path}`, { headers: headers(await world.key()) })
      expect(answer).toMatchObject({ status: 200, text: '{"account":"acme"}' })
    })

    it('are taken from ?key= on Gemini routes, and nowhere else', async () => {
      const world = new World()
      const key = await world.key()
      const server = await start(world)
      expect((await ask(server, `GET /v1beta/models?key=${key}`)).status).toBe(200)
      for (const name of ['key', 'api_key', 'access_token']) {
        const answer = await ask(server, `GET /v1/models?${name}=${key}`)
        expect(expectError(answer, 401, 'invalid_api_key').message).toContain('not in the URL')
        expect(answer.text).not.toContain(key)
      }
    })

    it.each<[string, (key: string, other: string) => Record<string, string>]>([
      [
        'two different ones',
        (key, other) => ({ authorization: `Bearer ${key}`, 'x-api-key': other }),
      ],
      ['two lines of x-api-key', (key, other) => ({ 'x-api-key': `${key}, ${other}` })],
      ['Basic', (key) => ({ authorization: `Basic ${btoa(`${key}:`)}` })],
      ['a tab behind the scheme', (key) => ({ authorization: `Bearer\t${key}` })],
      ['a letter too many', (key) => ({ authorization: `Bearer ${key}a` })],
      ['an encoded NUL behind it', (key) => ({ authorization: `Bearer ${key}%00` })],
      ['an underscore in the name', (key) => ({ x_api_key: key })],
      ['letters that look alike', (key) => ({ authorization: `Bearer ${key.slice(0, -1)}\u00e9` })],
      ['SQL', () => ({ authorization: "Bearer ' OR pg_sleep(8)--" })],
      ['a name every object has', () => ({ authorization: 'Bearer __proto__' })],
      ['a pattern', () => ({ authorization: 'Bearer sk-lazu-%' })],
      [
        'ten thousand characters',
        () => ({ authorization: `Bearer sk-lazu-${'x'.repeat(10_000)}` }),
      ],
    ])('are refused: %s', async (_, headers) => {
      const world = new World()
      const server = await start(world)
      const options = { headers: headers(await world.key(), await world.key()) }
      const answer = await ask(server, 'GET /v1/models', options)
      expectError(answer, 401, 'invalid_api_key')
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
      expect(world.logText).toBe('[]')
    })

    it('are refused when there are two Authorization lines', async () => {
      const world = new World()
      const key = await world.key()
      const server = await start(world)
      const client = await RawClient.connect(server)
      client.sendHead(
        'GET /v1/models HTTP/1.1',
        'Host: here',
        'Connection: close',
        `Authorization: Bearer ${key}`,
        `Authorization: Bearer ${await world.key()}`,
      )
      await client.untilClosed()
      expect(client.received).toMatch(/^HTTP\/1.1 401 /)
      expect(errorIn(client.received.split('\r\n\r\n')[1] ?? '').code).toBe('invalid_api_key')
    })

    it('are not looked for in the body', async () => {
      const world = new World()
      const server = await start(world)
      const body = { api_key: await world.key() }
      expectError(await ask(server, 'POST /v1/chat', { body }), 401, 'invalid_api_key')
    })

    it.each<[string, AskOptions, string]>([
      ['none', {}, 'Bearer'],
      ['an empty header', { headers: { authorization: '' } }, 'Bearer'],
      ['a scheme alone', { headers: { authorization: 'Bearer' } }, 'Bearer'],
      ['an unknown key', { key: unknown }, 'Bearer error="invalid_token"'],
    ])('a 401 says how to authenticate (%s)', async (_, options, expected) => {
      const server = await start(new World())
      const answer = await ask(server, 'GET /v1/models', options)
      const error = expectError(answer, 401, 'invalid_api_key')
      expect(error.type).toBe('authentication_error')
      expect(answer.headers.get('www-authenticate')).toBe(expected)
    })

    it('tells disabled, expired and revoked ones apart', async () => {
      const world = new World()
      const server = await start(world)
      const expiresAtMs = world.clock.wallMs() + 60_000
      const made = await world.keys.create({ account: 'acme', name: 'test', expiresAtMs })
      const { key } = made
      const get = () => ask(server, 'GET /v1/models', { key })

      expect((await get()).status).toBe(200)
      await world.keys.disable(made.record.id)
      const disabled = await get()
      expect(expectError(disabled, 403, 'token_disabled').type).toBe('permission_error')
      expect(disabled.headers.get('www-authenticate')).toBe(null)
      await world.keys.enable(made.record.id)
      expect((await get()).status).toBe(200)
      world.clock.advance(60_000)
      expectError(await get(), 401, 'token_expired')
      await world.keys.update(made.record.id, { expiresAtMs: null })
      expect((await get()).status).toBe(200)
      await world.keys.revoke(made.record.id)
      expectError(await get(), 401, 'invalid_api_key')
      expect(world.happened.refused.map(({ condition }) => condition)).toEqual([
        'api_key_disabled',
        'api_key_expired',
        'api_key_revoked',
      ])
    })

    it('hold up who sends bad ones, and nobody else at the same address', async () => {
      const world = new World()
      const key = await world.key()
      const server = await start(world, { badKeysPerMinute: 3 })
      const bad = () => ask(server, 'GET /v1/models', { key: unknown })
      for (let count = 0; count < 3; count++) expectError(await bad(), 401, 'invalid_api_key')

      const refused = await bad()
      expectError(refused, 429, 'request_rate_limit_exceeded')
      expect(refused.headers.get('retry-after')).toBe('20')
      expect(refused.headers.get('retry-after-ms')).toBe('20000')
      // What the address is held up for says nothing about the key.
      expectError(await ask(server, 'GET /v1/models'), 401, 'invalid_api_key')
      expect((await ask(server, 'GET /v1/models', { key })).status).toBe(200)
      world.clock.advance(20_000)
      expectError(await bad(), 401, 'invalid_api_key')
      expectError(await bad(), 429, 'request_rate_limit_exceeded')
    })

    it('are asked for by lazuAuth alone as well', async () => {
      const world = new World()
      const { keys, common } = world
      const server = await serve(harness, {
        guards: { before: [{ name: 'lazuAuth', options: { keys, ...common } }] },
        routes: { 'GET /ok': ({ lazu }) => ({ account: lazu.key?.account }) },
      })
      expectError(await ask(server, 'GET /ok'), 401, 'invalid_api_key')
      const answer = await ask(server, 'GET /ok', { key: await world.key() })
      expect(answer).toMatchObject({ status: 200, text: '{"account":"acme"}' })
    })
  })
}
