import { once } from 'node:events'
import { connect } from 'node:net'
import { GatewayError, lazuErrors, lazuGuard, lazuNotFound, lazuRequestId } from '@lazu/express'
import { listening, runAdapterContract } from '@lazu/testkit'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expressHarness } from './harness.js'

runAdapterContract(expressHarness)

async function listen(app: Express): Promise<string> {
  const running = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(() => running.close())
  return running.url
}

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error }: { error: Record<string, unknown> } = JSON.parse(await response.text())
  return { status: response.status, ...error }
}

const json = { 'content-type': 'application/json' }

function refuseWord(_request: unknown, _response: unknown, body: Buffer): void {
  if (body.includes('forbidden')) throw new Error('SECRET')
}

async function parsing(): Promise<string> {
  const app = express()
  app.use(express.json({ limit: 100, verify: refuseWord }))
  app.use(express.urlencoded({ parameterLimit: 2 }))
  app.post('/echo', (request, response) => void response.json({ body: request.body }))
  app.get('/items/:id', (request, response) => void response.json(request.params))
  app.use(lazuErrors())
  return listen(app)
}

describe('lazuErrors() alone in an app', () => {
  it.each<[string, RequestInit, number, string]>([
    ['entity.parse.failed', { body: '{"SECRET', headers: json }, 400, 'bad_request_body'],
    ['entity.too.large', { body: `"${'x'.repeat(200)}"`, headers: json }, 413, 'payload_too_large'],
    [
      'charset.unsupported',
      { body: '{}', headers: { 'content-type': 'application/json; charset=x-none' } },
      400,
      'bad_request_body',
    ],
    [
      'encoding.unsupported',
      { body: '{}', headers: { ...json, 'content-encoding': 'x-none' } },
      400,
      'bad_request_body',
    ],
    [
      'a wrong encoding',
      { body: '{}', headers: { ...json, 'content-encoding': 'gzip' } },
      400,
      'bad_request_body',
    ],
    ['entity.verify.failed', { body: '{"a":"forbidden"}', headers: json }, 403, 'access_denied'],
    [
      'parameters.too.many',
      { body: 'a=1&b=2&c=3', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      413,
      'payload_too_large',
    ],
  ])("answers body-parser's %s", async (_, init, status, code) => {
    const response = await fetch(`${await parsing()}/echo`, { method: 'POST', ...init })
    const error = await errorOf(response)
    expect(error).toMatchObject({ status, code, param: null })
    expect(error['request_id']).toBe(response.headers.get('x-request-id'))
    expect(JSON.stringify(error)).not.toContain('SECRET')
  })

  it('answers a malformed escape in a path with 400', async () => {
    const error = await errorOf(await fetch(`${await parsing()}/items/%ff`))
    expect(error).toMatchObject({ status: 400, code: 'invalid_request' })
  })

  it('says nothing when the client left while its body was read', async () => {
    const url = new URL(await parsing())
    const socket = connect(Number(url.port), url.hostname)
    socket.write('POST /echo HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n')
    socket.write('Content-Length: 50\r\n\r\n{')
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    expect((await fetch(`${url.href}items/1`)).status).toBe(200)
  })

  it('leaves what no route takes to Express, and lazuNotFound() takes it', async () => {
    const response = await fetch(`${await parsing()}/nothing`)
    expect(response.headers.get('content-type')).toContain('text/html')

    const app = express().use(lazuNotFound()).use(lazuErrors())
    const error = await errorOf(await fetch(`${await listen(app)}/nothing`))
    expect(error).toMatchObject({ status: 404, code: 'route_not_found' })
  })

  it('takes errors that were passed to next()', async () => {
    const app = express()
    app.get('/', (_request, _response, next) => next(new GatewayError('file_not_found')))
    app.use(lazuErrors())
    expect(await errorOf(await fetch(await listen(app)))).toMatchObject({ code: 'file_not_found' })
  })
})

describe('in an Express app', () => {
  it('paths are those the client sent, under a mount, too', async () => {
    const inner = express.Router()
    inner.use(lazuNotFound())
    const app = express().use('/api/v1', inner)
    const error = await errorOf(await fetch(`${await listen(app)}/api/v1/chat?key=SECRET`))
    expect(error['message']).toBe('There is nothing at GET /api/v1/chat.')
  })

  it('a guard that is mounted twice runs once', async () => {
    const told: string[] = []
    const guard = lazuGuard({
      name: 'counting',
      phase: 'head',
      enter: () => void told.push('entered'),
      leave: () => void told.push('left'),
    })
    const app = express()
    app.use(guard, guard)
    app.get('/', guard, (_request, response) => void response.json({ told }))
    const response = await fetch(await listen(app))
    expect(await response.json()).toEqual({ told: ['entered'] })
    await expect.poll(() => told).toEqual(['entered', 'left'])
  })

  it("a stranger's error handler finds what it needs on a GatewayError", async () => {
    const seen: unknown[] = []
    const stranger: ErrorRequestHandler = (error, _request, response, _next) => {
      const { status, statusCode, expose, headers, message } = error
      seen.push({ status, statusCode, expose, headers, message })
      response.status(status).set(headers).send(message)
    }
    const app = express()
    app.use(lazuRequestId())
    app.get('/', ({ lazu }) => lazu.fail('method_not_allowed', { headers: { allow: 'POST' } }))
    app.use(stranger)
    const response = await fetch(await listen(app))
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(seen).toEqual([
      {
        status: 405,
        statusCode: 405,
        expose: true,
        headers: { allow: 'POST' },
        message: 'This method is not allowed here.',
      },
    ])
  })

  it("Express's own handler answers a GatewayError with its status", async () => {
    const app = express()
    app.get('/', () => {
      throw new GatewayError('model_not_found')
    })
    app.set('env', 'test')
    expect((await fetch(await listen(app))).status).toBe(404)
  })

  it('a failure after the response is over is logged where nobody can be told', async () => {
    const lines: string[] = []
    const app = express()
    app.get('/', (_request, response) => {
      response.end('done')
      throw new Error('too late')
    })
    const log = (_fields: object, message: string): void => void lines.push(message)
    app.use(lazuErrors({ logger: { error: log, warn: log } }))
    expect(await (await fetch(await listen(app))).text()).toBe('done')
    await expect.poll(() => lines).toEqual(['internal_error after the response was over'])
  })
})
