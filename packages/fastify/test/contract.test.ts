import {
  GatewayError,
  createKeys,
  lazu,
  lazuErrors,
  lazuFrameworkErrors,
  lazuNotFound,
  lazuRateLimit,
} from '@lazu/fastify'
import { runAdapterContract } from '@lazu/testkit'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fastifyHarness } from './harness.js'

runAdapterContract(fastifyHarness)

function make(): FastifyInstance {
  const app = Fastify({ frameworkErrors: lazuFrameworkErrors() })
  onTestFinished(() => app.close())
  return app
}

async function errorOf(app: FastifyInstance, request: InjectOptions | string): Promise<object> {
  const { statusCode, headers, body } = await app.inject(request)
  const { error }: { error: Record<string, unknown> } = JSON.parse(body)
  expect(error['request_id']).toBe(headers['x-request-id'])
  return { status: statusCode, ...error }
}

function post(payload: string, type = 'application/json'): InjectOptions {
  return { method: 'POST', url: '/echo', headers: { 'content-type': type }, payload }
}

async function parsing(): Promise<FastifyInstance> {
  const app = make()
  await app.register(lazuErrors)
  const schema = {
    body: {
      type: 'object',
      required: ['messages'],
      properties: {
        messages: {
          type: 'array',
          items: { type: 'object', properties: { role: { type: 'string', maxLength: 4 } } },
        },
        n: { type: 'integer', maximum: 8 },
        temperature: { type: ['number', 'null'] },
      },
    },
  } as const
  app.post('/checked', { schema }, (request) => ({ body: request.body }))
  app.post('/echo', { bodyLimit: 100 }, (request) => ({ body: request.body }))
  app.get('/items/:id', (request) => request.params)
  return app
}

describe('lazuErrors alone in an app', () => {
  it.each<[string, object, number, string, string]>([
    ['a field missing', {}, 400, 'missing_required_parameter', 'messages'],
    ['a wrong type', { messages: [], n: 'many' }, 400, 'invalid_request', 'n'],
    ['out of bounds', { messages: [], n: 9 }, 422, 'invalid_request', 'n'],
    [
      'deep in a list',
      { messages: [{ role: 'waiter' }] },
      422,
      'invalid_request',
      'messages[0].role',
    ],
  ])("answers Fastify's validation: %s", async (_, payload, status, code, param) => {
    const app = await parsing()
    const request: InjectOptions = { method: 'POST', url: '/checked', payload }
    expect(await errorOf(app, request)).toMatchObject({ status, code, param })
  })

  it.each<[string, InjectOptions, number, string]>([
    ['no JSON', post('{"SECRET'), 400, 'bad_request_body'],
    ['nothing', post(''), 400, 'bad_request_body'],
    ['a prototype', post('{"__proto__":{"evil":true}}'), 400, 'bad_request_body'],
    ['a constructor', post('{"constructor":{"prototype":{}}}'), 400, 'bad_request_body'],
    ['too large', post(JSON.stringify({ text: 'x'.repeat(200) })), 413, 'payload_too_large'],
    ['of another type', post('<a/>', 'application/xml'), 415, 'bad_request_body'],
  ])('answers a body that is %s', async (_, request, status, code) => {
    const app = await parsing()
    const error = await errorOf(app, request)
    expect(error).toMatchObject({ status, code, param: null })
    expect(JSON.stringify(error)).not.toContain('SECRET')
    expect(Reflect.get({}, 'evil')).toBe(undefined)
  })

  it('hides what a handler threw, and logs it in the request log', async () => {
    const lines: string[] = []
    const app = Fastify({
      logger: { level: 'error', stream: { write: (line: string) => void lines.push(line) } },
    })
    onTestFinished(() => app.close())
    await app.register(lazuErrors)
    app.get('/', () => {
      throw new Error('SECRET sk-lazu-0123456789abcdefghij')
    })
    const error = await errorOf(app, '/')
    expect(error).toMatchObject({ status: 500, code: 'internal_error' })
    expect(JSON.stringify(error)).not.toContain('SECRET')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('SECRET [redacted]')
  })

  it("answers a malformed URL, which only Fastify's frameworkErrors sees", async () => {
    const error = await errorOf(await parsing(), '/items/%')
    expect(error).toMatchObject({ status: 400, code: 'invalid_request' })
  })

  it('leaves what no route takes to Fastify, and lazuNotFound takes it', async () => {
    const plain = await (await parsing()).inject('/nothing')
    expect(plain.json()).toMatchObject({ error: 'Not Found', statusCode: 404 })
    expect(plain.headers['x-request-id']).toMatch(/^req_lazu_/)

    const app = make()
    await app.register(lazuNotFound)
    expect(await errorOf(app, '/nothing')).toMatchObject({ status: 404, code: 'route_not_found' })
  })
})

describe('in a Fastify app', () => {
  it('guards and answers work under inject()', async () => {
    const app = make()
    const keys = createKeys()
    const { key } = await keys.create({ account: 'acme', name: 'test' })
    await app.register(lazu, { keys, limits: { rpm: 2 } })
    app.get('/ok', (request) => ({ account: request.lazu.key?.account }))
    expect(await errorOf(app, '/ok')).toMatchObject({ status: 401, code: 'invalid_api_key' })
    const request = { url: '/ok', headers: { authorization: `Bearer ${key}` } }
    const answer = await app.inject(request)
    expect([answer.statusCode, answer.json()]).toEqual([200, { account: 'acme' }])
    expect(answer.headers['x-ratelimit-remaining-requests']).toBe('1')
    await app.inject(request)
    expect(await errorOf(app, request)).toMatchObject({ code: 'request_rate_limit_exceeded' })
  })

  it('a gateway acts on the scope it is registered in, and on no other', async () => {
    const app = make()
    await app.register(
      async (scope) => {
        await scope.register(lazu, { keys: createKeys() })
        scope.get('/ok', () => ({ ok: true }))
      },
      { prefix: '/v1' },
    )
    app.get('/health', () => ({ ok: true }))
    app.get('/broken', () => {
      throw new GatewayError('access_denied')
    })
    expect(await errorOf(app, '/v1/ok')).toMatchObject({ status: 401 })
    expect(await errorOf(app, '/v1/nothing')).toMatchObject({ status: 401 })
    const health = await app.inject('/health')
    expect(health.json()).toEqual({ ok: true })
    expect(health.headers['x-request-id']).toBe(undefined)
    // Fastify's own error handler finds the status on the error.
    const broken = await app.inject('/broken')
    expect(broken.json()).toMatchObject({ statusCode: 403, error: 'Forbidden' })
  })

  it('paths that only look different do not come past it', async () => {
    const app = make()
    await app.register(lazu, { keys: createKeys() })
    app.get('/v1/models', () => ({ ok: true }))
    for (const url of ['/v1/models', '/v1%2fmodels', '//v1/models', '/v1/models;x', '/V1/models']) {
      expect(await errorOf(app, url)).toMatchObject({ status: 401 })
    }
  })

  it('errors: false and notFound: false leave both to the app', async () => {
    const app = make()
    await app.register(lazu, { errors: false, notFound: false })
    app.setErrorHandler<GatewayError>((error, _request, reply) =>
      reply.code(error.statusCode).send({ mine: String(error) }),
    )
    app.setNotFoundHandler((_request, reply) => reply.send({ mine: 'nothing' }))
    app.get('/broken', () => {
      throw new GatewayError('access_denied')
    })
    const broken = await app.inject('/broken')
    expect([broken.statusCode, broken.json()]).toEqual([
      403,
      { mine: 'GatewayError: Access denied.' },
    ])
    expect((await app.inject('/nothing')).json()).toEqual({ mine: 'nothing' })
  })

  it('a guard alone needs no error handler of ours to refuse', async () => {
    const app = make()
    await app.register(lazuRateLimit, { limits: { rpm: 1 } })
    app.get('/ok', () => ({ ok: true }))
    expect((await app.inject('/ok')).statusCode).toBe(200)
    expect(await errorOf(app, '/ok')).toMatchObject({ code: 'request_rate_limit_exceeded' })
  })

  it('headers set through the reply stay on a refusal', async () => {
    const app = make()
    app.addHook('onRequest', (_request, reply, done) => {
      reply.header('access-control-allow-origin', '*')
      done()
    })
    await app.register(lazu, { keys: createKeys() })
    app.get('/ok', () => ({ ok: true }))
    const { statusCode, headers } = await app.inject('/ok')
    expect([statusCode, headers['access-control-allow-origin']]).toEqual([401, '*'])
  })

  it('a mistake in the options stops the start', async () => {
    const app = make()
    app.register(lazu, { limits: { rpm: 0 } })
    await expect(app.ready()).rejects.toThrow('LAZU_CONFIG_INVALID_OPTION')
  })
})
