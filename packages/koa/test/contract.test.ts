import { Readable } from 'node:stream'
import { GatewayError, lazuErrors, lazuGuard, lazuNotFound } from '@lazu/koa'
import { listening, runAdapterContract } from '@lazu/testkit'
import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { koaHarness } from './harness.js'

runAdapterContract(koaHarness)

async function listen(app: Koa): Promise<string> {
  const running = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(() => running.close())
  return running.url
}

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const { error }: { error: Record<string, unknown> } = JSON.parse(await response.text())
  expect(error['request_id']).toBe(response.headers.get('x-request-id'))
  return { status: response.status, ...error }
}

/** An app with the formatter first, and what it says goes nowhere. */
function formatting(): { app: Koa; heard: unknown[] } {
  const app = new Koa()
  const heard: unknown[] = []
  app.on('error', (error) => heard.push(error))
  app.use(lazuErrors())
  return { app, heard }
}

describe('lazuErrors() alone in an app', () => {
  it('answers what nobody took', async () => {
    const { app, heard } = formatting()
    const error = await errorOf(await fetch(`${await listen(app)}/nothing?a=b`))
    expect(error).toMatchObject({ status: 404, code: 'route_not_found' })
    expect(error['message']).toBe('There is nothing at GET /nothing.')
    expect(heard).toEqual([])
  })

  it.each([
    [404, 'route_not_found'],
    [403, 'access_denied'],
    [409, 'invalid_request'],
    [503, 'gateway_overloaded'],
  ])('answers a status of %i without a body', async (status, code) => {
    const { app } = formatting()
    app.use((context) => {
      context.status = status
    })
    expect(await errorOf(await fetch(await listen(app)))).toMatchObject({ status, code })
  })

  it('leaves an error alone that has a body of its own', async () => {
    const { app } = formatting()
    app.use((context) => {
      context.status = 404
      context.body = { mine: true }
    })
    const response = await fetch(await listen(app))
    expect([response.status, await response.json()]).toEqual([404, { mine: true }])
    expect(response.headers.get('x-request-id')).toMatch(/^req_lazu_/)
  })

  it('leaves an empty answer alone', async () => {
    const { app } = formatting()
    app.use((context) => {
      context.body = null
    })
    const response = await fetch(await listen(app))
    expect([response.status, await response.text()]).toEqual([204, ''])
  })

  it('shows the message of ctx.throw() for a 4xx, and hides it for a 5xx', async () => {
    const { app, heard } = formatting()
    app.use((context) => {
      if (context.path === '/gone') context.throw(410, 'It went.', { headers: { 'X-Gone': 'yes' } })
      context.throw(500, 'SECRET')
    })
    const url = await listen(app)
    const gone = await fetch(`${url}/gone`)
    expect(gone.headers.get('x-gone')).toBe('yes')
    expect(await errorOf(gone)).toMatchObject({ status: 410, message: 'It went.' })
    const broken = await errorOf(await fetch(url))
    expect(broken).toMatchObject({ status: 500, code: 'internal_error' })
    expect(JSON.stringify(broken)).not.toContain('SECRET')
    expect(heard).toHaveLength(1)
  })

  it.each<[string, unknown]>([
    ['a BigInt', { big: 1n }],
    ['a cycle', cycle()],
  ])('answers a body that is no JSON: %s', async (_, body) => {
    const { app, heard } = formatting()
    app.use((context) => {
      context.body = body
    })
    const error = await errorOf(await fetch(await listen(app)))
    expect(error).toMatchObject({ status: 500, code: 'internal_error' })
    expect(heard).toHaveLength(1)
  })

  it.each(['text/event-stream', 'text/plain'])(
    'answers a stream (%s) that fails before its first chunk',
    async (type) => {
      const { app, heard } = formatting()
      app.use((context) => {
        context.type = type
        context.body = breaking([])
      })
      const response = await fetch(await listen(app))
      expect(response.headers.get('content-type')).toContain('application/json')
      expect(await errorOf(response)).toMatchObject({ status: 500, code: 'internal_error' })
      expect(heard).toHaveLength(1)
    },
  )

  it('ends an event stream with the error, and cuts another one off', async () => {
    const { app } = formatting()
    app.use((context) => {
      context.type = context.path === '/events' ? 'text/event-stream' : 'text/plain'
      context.body = breaking(['data: 1\n\n'])
    })
    const url = await listen(app)
    const events = await (await fetch(`${url}/events`)).text()
    expect(events).toMatch(/^data: 1\n\n\n\ndata: \{"error":\{.*"code":"internal_error".*\}\}\n\n$/)
    const response = await fetch(url)
    await expect(response.text()).rejects.toThrow('terminated')
  })

  it('keeps the length of a stream that has one', async () => {
    const { app } = formatting()
    app.use((context) => {
      context.length = 5
      context.body = Readable.from(['he', 'llo'])
    })
    const response = await fetch(await listen(app))
    expect(response.headers.get('content-length')).toBe('5')
    expect(await response.text()).toBe('hello')
  })

  it.each<[string, (stream: ReadableStream<string>) => unknown]>([
    ['a web stream', (stream) => stream],
    ['a Response', (stream) => new Response(stream.pipeThrough(new TextEncoderStream()))],
  ])('ends %s with the error as well', async (_, bodyOf) => {
    const { app } = formatting()
    app.use((context) => {
      context.body = bodyOf(ReadableStream.from(breaking(['data: 1\n\n'])))
      context.type = 'text/event-stream'
    })
    const text = await (await fetch(await listen(app))).text()
    expect(text).toMatch(/^data: 1\n\n\n\ndata: \{"error":/)
  })

  it("answers @koa/bodyparser's errors, and shows nothing of the body", async () => {
    const { app, heard } = formatting()
    app.use(bodyParser({ jsonLimit: 100 }))
    const url = await listen(app)
    const headers = { 'content-type': 'application/json' }
    const post = (body: string) => fetch(url, { method: 'POST', headers, body })
    const malformed = await errorOf(await post('{"SECRET'))
    expect(malformed).toMatchObject({ status: 400, code: 'bad_request_body' })
    expect(JSON.stringify(malformed)).not.toContain('SECRET')
    const large = await errorOf(await post(JSON.stringify({ text: 'x'.repeat(200) })))
    expect(large).toMatchObject({ status: 413, code: 'payload_too_large' })
    expect(heard).toEqual([])
  })

  it('keeps headers that middlewares before it have set', async () => {
    const app = new Koa()
    app.use(async (context, next) => {
      context.set('Access-Control-Allow-Origin', '*')
      await next()
    })
    app.use(lazuErrors())
    app.use((context) => {
      context.set('Vary', 'Origin')
      if (context.path === '/cycle') context.body = cycle()
      else throw new GatewayError('access_denied')
    })
    app.on('error', () => {})
    const url = await listen(app)
    for (const [path, status] of [
      ['/', 403],
      ['/cycle', 500],
    ] as const) {
      const response = await fetch(url + path)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('vary')).toBe('Origin')
      expect(await errorOf(response)).toMatchObject({ status })
    }
  })
})

describe('in a Koa app', () => {
  it("app.on('error') hears of the server's failures and of no others", async () => {
    const { app, heard } = formatting()
    const failure = new Error('broken')
    app.use((context) => {
      if (context.path === '/broken') throw failure
      throw new GatewayError('file_not_found')
    })
    const url = await listen(app)
    await fetch(`${url}/broken`)
    await fetch(url)
    expect(heard).toEqual([failure])
  })

  it('nothing secret is printed when nobody listens', async () => {
    const printed: string[] = []
    const keep = (text: unknown): boolean => printed.push(String(text)) > 0
    vi.spyOn(process.stderr, 'write').mockImplementation(keep)
    vi.spyOn(console, 'error').mockImplementation(keep)
    const app = new Koa()
    app.use(lazuErrors())
    app.use(() => {
      throw new Error('no answer for Bearer sk-lazu-0123456789abcdefghijklmnop')
    })
    await fetch(await listen(app))
    expect(printed.join('')).toContain('no answer for Bearer [redacted]')
    expect(printed.join('')).not.toContain('0123456789')
  })

  it('a guard that is mounted twice runs once', async () => {
    const told: string[] = []
    const guard = lazuGuard({
      name: 'counting',
      phase: 'head',
      enter: () => void told.push('entered'),
      leave: () => void told.push('left'),
    })
    const app = new Koa()
    app.use(guard).use(guard)
    app.use((context) => {
      context.body = { told }
    })
    expect(await (await fetch(await listen(app))).json()).toEqual({ told: ['entered'] })
    await expect.poll(() => told).toEqual(['entered', 'left'])
  })

  it('middlewares before a guard see its refusal as any other answer', async () => {
    const seen: unknown[] = []
    const app = new Koa()
    app.use(async (context, next) => {
      await next()
      seen.push(context.status, typeof context.body)
    })
    app.use(lazuNotFound())
    await fetch(await listen(app))
    expect(seen).toEqual([404, 'string'])
  })
})

function cycle(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}

function breaking(chunks: readonly string[]): Readable {
  return Readable.from(
    (async function* () {
      yield* chunks
      throw new Error('broken')
    })(),
  )
}
