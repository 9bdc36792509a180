import { request as httpRequest } from 'node:http'
import { answer, json } from '@lazu/testkit'
import type { ChannelOptions } from '@lazu/upstream'
import { describe, expect, it } from 'vitest'
import { fastifyHarness } from '../../fastify/test/harness.js'
import { scripted, startGateway, type TestGateway } from './gateway.js'

const good = json({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })

/** A gateway with a wildcard route, in front of one channel. */
async function passingAll(
  channel: Partial<ChannelOptions> = {},
  path = '',
): Promise<{ gateway: TestGateway; upstream: Awaited<ReturnType<typeof scripted>> }> {
  const upstream = await scripted()
  upstream.script(good)
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url + path, key: 'upstream-key', ...channel }],
    routes: (made) => ({
      'POST /{*rest}': ({ lazu }) => made.forward(lazu),
      'GET /{*rest}': ({ lazu }) => made.forward(lazu, { model: 'm' }),
    }),
  })
  return { gateway, upstream }
}

/** Sends a path as it stands, which fetch does not. */
function rawPost(gateway: TestGateway, path: string, headers: object = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        port: gateway.port,
        method: 'POST',
        path,
        headers: { ...gateway.headers, ...headers },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end(JSON.stringify({ model: 'm', messages: [] }))
  })
}

/** What a channel is told in `stream_options`. */
const optionsAsked = async (channel: Partial<ChannelOptions>, body: object): Promise<unknown> => {
  const { gateway, upstream } = await passingAll(channel)
  await gateway.post(body)
  const { stream_options } = JSON.parse(upstream.requests[0]?.body ?? '')
  return stream_options
}

describe('the path', () => {
  it.each([
    ['', '/v1/chat/completions', '/v1/chat/completions'],
    ['/v1', '/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/', '/v1/chat/completions', '/v1/chat/completions'],
    ['/api/v4', '/v1/chat/completions', '/api/v4/chat/completions'],
    ['/api', '/openai/v1/chat/completions', '/api/v1/chat/completions'],
    ['/v1', '/chat/completions', '/v1/chat/completions'],
    [
      '',
      '/gemini/v1beta/models/m:generateContent?alt=sse',
      '/v1beta/models/m:generateContent?alt=sse',
    ],
    ['/v1', '/v1', '/v1'],
    ['/v1beta/openai', '/v1/chat/completions', '/v1beta/openai/chat/completions'],
    ['/v1/account/anthropic', '/v1/messages', '/v1/account/anthropic/v1/messages'],
    ['', '/v1/chat/completions/', '/v1/chat/completions'],
    ['/v1', '/v1/responses/', '/v1/responses'],
    ['', '/v1/files/a%20b', '/v1/files/a%20b'],
  ])('at the base %j of %j is %j', async (base, path, target) => {
    const { gateway, upstream } = await passingAll({}, base)
    expect(await rawPost(gateway, path)).toBe(200)
    expect(upstream.requests[0]?.target).toBe(target)
  })

  it('goes without the key of a query', async () => {
    const { gateway, upstream } = await passingAll()
    const key = gateway.headers.authorization.slice('Bearer '.length)
    const query = `key=${key}&alt=sse&%6Bey=${key}&KEY=${key}`
    expect(await rawPost(gateway, `/v1beta/models/m:streamGenerateContent?${query}`)).toBe(200)
    expect(upstream.requests[0]?.target).toBe('/v1beta/models/m:streamGenerateContent?alt=sse')
  })

  it.each([
    '/v1/chat/../files',
    '/v1/./files',
    '/v1/..',
    '/v1/%2e%2e/files',
    '/v1/%2E%2E/files',
    '/v1/chat%2ffiles',
    '/v1/chat%5Cfiles',
    '/v1/chat\\files',
    '/v1//files',
    '//files',
    '/v1/files#x',
    '/v1/files%zz',
    '/v1/chat/%63ompletions',
    '/v1/%6dessages',
    '/v1beta/models/m%3AgenerateContent',
    '/v1/Chat/completions',
    '/v1/MESSAGES',
    '/V1/chat/completions',
  ])('%j is refused', async (path) => {
    const { gateway, upstream } = await passingAll()
    expect(await rawPost(gateway, path)).toBeGreaterThanOrEqual(400)
    expect(upstream.requests).toEqual([])
  })
})

describe('what an upstream gets to see', () => {
  it('is a client’s headers for the API, and nothing else', async () => {
    const { gateway, upstream } = await passingAll({ headers: { 'X-Own': 'yes' } })
    await rawPost(gateway, '/v1/chat/completions', {
      cookie: 'CANARY',
      'user-agent': 'CANARY',
      'x-forwarded-for': '10.0.0.1',
      'openai-organization': 'CANARY',
      'accept-encoding': 'gzip',
      'openai-beta': 'assistants=v2',
      accept: 'application/json',
      te: 'trailers',
    })
    const { 'content-length': length, ...headers } = upstream.requests[0]?.headers ?? {}
    expect(Number(length)).toBeGreaterThan(0)
    expect(headers).toEqual({
      host: new URL(upstream.url).host,
      connection: 'keep-alive',
      'accept-encoding': 'identity',
      accept: 'application/json',
      'openai-beta': 'assistants=v2',
      authorization: 'Bearer upstream-key',
      'x-own': 'yes',
      'content-type': 'application/json',
    })
  })

  it.each([
    ['/v1/responses', 'authorization', 'Bearer upstream-key'],
    ['/v1/messages', 'x-api-key', 'upstream-key'],
    ['/anthropic/v1/messages', 'x-api-key', 'upstream-key'],
    ['/v1beta/models/m:generateContent', 'x-goog-api-key', 'upstream-key'],
  ])('is the key in the header of %s', async (path, header, value) => {
    const { gateway, upstream } = await passingAll()
    expect(await rawPost(gateway, path)).toBe(200)
    const { headers } = upstream.requests[0] ?? { headers: {} }
    const names = ['authorization', 'x-api-key', 'x-goog-api-key']
    expect(names.filter((name) => name in headers)).toEqual([header])
    expect(headers).toHaveProperty([header], value)
  })

  it.each([
    ['in the body', '/v1/chat/completions', '/v1/chat/completions', 'other/m'],
    [
      'in the path',
      '/v1beta/models/m:generateContent',
      '/v1beta/models/other/m:generateContent',
      'm',
    ],
  ])('is its own name of the model %s', async (_, path, target, inBody) => {
    for (const model of ['other/m', (asked: string) => `other/${asked}`]) {
      const { gateway, upstream } = await passingAll({ model })
      expect(await rawPost(gateway, path)).toBe(200)
      expect(upstream.requests[0]?.target).toBe(target)
      expect(JSON.parse(upstream.requests[0]?.body ?? '')).toEqual({ model: inBody, messages: [] })
    }
  })

  it('is nothing where the model cannot be mapped', async () => {
    const mappings: ChannelOptions['model'][] = [
      () => {
        throw new Error('CANARY')
      },
      () => '',
      (asked) => `../${asked}`,
    ]
    for (const model of mappings) {
      const { gateway, upstream } = await passingAll({ model })
      expect(await rawPost(gateway, '/v1beta/models/m:generateContent')).toBe(500)
      expect(gateway.broken).toMatchObject([{ condition: 'channel_mapping_failed' }])
      expect(upstream.requests).toEqual([])
    }
  })

  it('is no question for the usage where the channel wants none', async () => {
    const stream = { model: 'm', messages: [], stream: true }
    const own = { include_usage: false, include_obfuscation: false }
    expect(await optionsAsked({}, stream)).toEqual({ include_usage: true })
    expect(await optionsAsked({}, { ...stream, stream_options: own })).toEqual({
      ...own,
      include_usage: true,
    })
    expect(await optionsAsked({ askUsage: false }, stream)).toBeUndefined()
    expect(await optionsAsked({}, { ...stream, stream: false })).toBeUndefined()
  })

  it('is a GET without a body, for the channels of the model that is told', async () => {
    const { gateway, upstream } = await passingAll({ model: 'other' })
    const response = await fetch(`${gateway.url}/v1/files?limit=2`, { headers: gateway.headers })
    expect(response.status).toBe(200)
    expect(upstream.requests).toMatchObject([
      { method: 'GET', target: '/v1/files?limit=2', body: '' },
    ])
    expect(upstream.requests[0]?.headers).not.toHaveProperty('content-type')
  })
})

it('passes a DELETE on, and the 204 that answers it', async () => {
  const upstream = await scripted()
  upstream.script(answer(204, { 'x-secret': 'canary' }))
  const gateway = await startGateway({
    harness: fastifyHarness,
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    routes: (channels) => ({
      'DELETE /v1/files/:id': ({ lazu }) => channels.forward(lazu, { model: 'm' }),
    }),
  })
  for (let times = 0; times < 2; times++) {
    const { authorization } = gateway.headers
    const response = await fetch(`${gateway.url}/v1/files/file-1`, {
      method: 'DELETE',
      headers: { authorization },
    })
    expect(response.status).toBe(204)
    expect(await response.text()).toBe('')
    expect(response.headers.get('content-type')).toBeNull()
    expect(response.headers.get('x-secret')).toBeNull()
  }
  expect(upstream.requests[0]?.head).toMatch(/^DELETE \/v1\/files\/file-1 /)
  // On one connection: the answer was read to its end.
  expect(upstream.accepted).toBe(1)
  expect(gateway.failures).toEqual([])
})

it('refuses a body that is nested too deeply, and what is no JSON', async () => {
  const { gateway, upstream } = await passingAll()
  const deep = `{"model":"m","messages":${'['.repeat(40_000)}${']'.repeat(40_000)}}`
  const post = (body: string, type: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...gateway.headers, 'content-type': type },
      body,
    })
  expect((await post(deep, 'application/json')).status).toBe(400)
  expect((await post('--x', 'multipart/form-data; boundary=x')).status).toBe(415)
  expect(upstream.requests).toEqual([])
})

it('knows no models by the names of an object’s members', async () => {
  const upstream = await scripted()
  const gateway = await startGateway({
    models: { m: [{ name: 'one', url: upstream.url, key: 'k' }] },
    channels: [],
    // No prices, which know them as little.
    gateway: { ledger: undefined, prices: undefined },
  })
  for (const model of ['__proto__', 'constructor', 'toString', '*']) {
    expect((await gateway.post({ model, messages: [] })).status).toBe(503)
  }
})

it('does not begin a response in the background that would have to be charged', async () => {
  const { gateway, upstream } = await passingAll()
  const path = '/v1/responses'
  const body = { model: 'm', input: 'Hello', background: true }
  const refused = await gateway.post(body, { path })
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({ error: { param: 'background' } })
  expect(upstream.requests).toEqual([])
  expect((await gateway.post({ ...body, background: false }, { path })).status).toBe(200)
})
