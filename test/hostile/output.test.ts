import { conditions, GatewayError, generateKey } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import { account, chat, chatBody, harnesses, targetsOn } from './target.js'

const internal = 'Internal server error.'

/** Things somebody's code may throw that are hard to look at. */
const thrown: readonly [string, (secret: string) => unknown][] = [
  ['an error', (secret) => new Error(`no way to /srv/app/secret.js with ${secret}`)],
  ['text', (secret) => `failed with ${secret}`],
  ['nothing', () => undefined],
  ['null', () => null],
  ['a number', () => 42],
  ['a symbol', () => Symbol('secret')],
  ['an object without a prototype', () => Object.create(null)],
  ['an object with a secret', (secret) => ({ config: { headers: { authorization: secret } } })],
  [
    'an object whose getters throw',
    () =>
      Object.defineProperties(
        {},
        Object.fromEntries(
          ['status', 'statusCode', 'message', 'name', 'code', 'type', 'stack'].map((name) => [
            name,
            {
              get() {
                throw new Error('do not look')
              },
            },
          ]),
        ),
      ),
  ],
  [
    'a proxy that lets nobody look',
    () =>
      new Proxy(
        {},
        {
          get() {
            throw new Error('do not look')
          },
          has() {
            throw new Error('do not look')
          },
        },
      ),
  ],
  ['an error with a secret cause', (secret) => new Error('outer', { cause: new Error(secret) })],
  [
    'an error that calls itself harmless',
    (secret) => Object.assign(new Error(secret), { expose: true, status: 500 }),
  ],
  ['an error with an absurd status', () => Object.assign(new Error('x'), { status: 200 })],
  ['an error with a status that is none', () => Object.assign(new Error('x'), { status: 99_999 })],
  ['an error with a NaN status', () => Object.assign(new Error('x'), { statusCode: NaN })],
]

describe.each(harnesses)('hostile output on $name', (harness) => {
  const start = targetsOn(harness)

  it.each([
    ['a', 'a'],
    ['client-1.2_3', 'client-1.2_3'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), undefined],
    ['x'.repeat(5_000), undefined],
    ['a%0d%0aX-Injected: 1', undefined],
    ['<script>alert(1)</script>', undefined],
    ['req_lazu_01KF0RDQG0R7A9HY14RP1JKQE2', 'req_lazu_01KF0RDQG0R7A9HY14RP1JKQE2'],
    ['a b', undefined],
    ['a\tb', undefined],
    ['"a"', undefined],
    ['\xe9', undefined],
    ['${jndi:ldap://x}', undefined],
    ['a,b', undefined],
    ['', undefined],
  ])("keeps a client's request id %j for the log when it is harmless", async (id, kept) => {
    const target = await start()
    const refused = await target.rawOne(target.bytes([`X-Request-Id: ${id}`]))
    const error = target.expectRefused(refused, 401, 'invalid_api_key')
    expect(error.request_id).not.toBe(id)
    expect(target.refused.map(({ clientRequestId }) => clientRequestId)).toEqual([kept])

    const lines = [`X-Request-Id: ${id}`, `Authorization: Bearer ${target.key}`]
    const passed = await target.rawOne(target.bytes(lines))
    target.expectPassed(passed)
    expect(passed.headers['x-request-id']).toMatch(/^req_lazu_[0-9A-Z]{26}$/)
    expect(passed.headers['x-request-id']).not.toBe(id)
    expect(passed.headers['x-lazu-request-id']).toBe(passed.headers['x-request-id'])
    expect(passed.headers).not.toHaveProperty('x-injected')
  })

  it('makes an id of its own whatever header of its own is sent', async () => {
    const target = await start()
    const own = 'req_lazu_01KF0RDQG0R7A9HY14RP1JKQE2'
    const names = ['X-Request-Id', 'Request-Id', 'X-Lazu-Request-Id', 'X-Correlation-Id']
    const lines = names.map((name) => `${name}: ${own}`)
    const answer = await target.rawOne(target.bytes([...lines, lines[0] ?? '']))
    expect(target.expectRefused(answer, 401).request_id).not.toBe(own)
    // Two of them say nothing.
    expect(target.refused[0]?.clientRequestId).toBeUndefined()
  })

  it('never uses an id twice, whatever time it is', async () => {
    const target = await start()
    const bytes = target.bytes([])
    const answers = await target.raw(bytes.repeat(500), 500)
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(500)
  })

  it.each([
    'text/html',
    'application/xml',
    'image/*',
    '*/*;q=0',
    '',
    'nonsense',
    'text/event-stream',
  ])('answers JSON to who would rather have %j', async (accept) => {
    const target = await start()
    const answer = await target.send({ key: null, headers: { accept } })
    target.expectRefused(answer, 401, 'invalid_api_key')
    target.expectRefused(await target.send({ path: '/nothing', headers: { accept } }), 404)
  })

  it.each([
    '/<script>alert(1)</script>',
    '/%3Cscript%3E',
    '/%0d%0aX-Injected:%201',
    `/${'a'.repeat(5_000)}`,
    '/%E9%FF',
    '/${jndi:ldap:x}',
    '/"\\',
    '/%00',
    '/..%2f..%2fetc%2fpasswd',
  ])('repeats the path %s as text and cut short', async (path) => {
    const target = await start()
    const bytes = target.bytes([`Authorization: Bearer ${target.key}`]).replace(chat, path)
    const answer = await target.rawOne(bytes)
    const error = target.expectRefused(answer, [400, 404, 414])
    expect(error.message.length).toBeLessThan(300)
    expect(answer.headers).not.toHaveProperty('x-injected')
  })

  it('repeats no key, wherever it was sent by mistake', async () => {
    const target = await start()
    const { key } = target
    for (const path of [`/v1/${key}`, `/${key}/chat`, `/v1/models/${key}?a=${key}`]) {
      target.expectRefused(await target.send({ path }), 404, 'route_not_found')
      target.expectRefused(await target.send({ path, key: null }), 401)
    }
    target.expectRefused(await target.send({ body: chatBody({ model: key }) }), 404)
    target.expectRefused(await target.send({ body: chatBody({ max_tokens: key }) }), 400)
    target.expectRefused(await target.send({ body: `{"key":"${key}"` }), 400)
    const put = { method: 'PUT', body: JSON.stringify({ key }) }
    target.expectRefused(await target.send(put), [400, 404])
    const own = { 'x-request-id': key, 'user-agent': key, referer: `https://x/?key=${key}` }
    target.expectRefused(await target.send({ key: 'sk-lazu-x', headers: own }), 401)
  })

  it.each(thrown)('shows nothing of %s that a handler throws', async (_, make) => {
    const printed: string[] = []
    const print = (text: unknown): boolean => {
      printed.push(String(text))
      return true
    }
    const target = await start({
      handler: () => {
        throw make(target.key)
      },
    })
    vi.spyOn(process.stderr, 'write').mockImplementation(print)
    vi.spyOn(console, 'error').mockImplementation(print)
    const answer = await target.send()
    expect(answer.status).toBe(500)
    const error = target.expectEnvelope(answer)
    expect(error.code).toBe('internal_error')
    expect(error.message).toBe(internal)
    expect(target.ledger.balance(account).settled).toBe(0)
    expect(printed.join()).not.toContain(target.key)
  })

  it('logs what was thrown once, with its request id and without keys', async () => {
    const target = await start({
      handler: () => {
        throw new Error(`lost ${target.key}`, { cause: new Error(target.key) })
      },
    })
    const error = target.expectEnvelope(await target.send({ path: `${chat}?a=${target.key}` }))
    expect(target.lines).toHaveLength(1)
    expect(target.lines[0]).toContain(error.request_id)
    expect(target.lines[0]).toContain('lost [redacted]')
  })

  it('logs the path of a request that failed without a key in it', async () => {
    const target = await start()
    target.store.failure = new Error('away')
    const key = generateKey('sk-lazu-')
    target.isSecret(key)
    target.expectRefused(await target.send({ path: `/v1/${key}`, key }), 503)
    expect(target.lines.join()).toContain('/v1/[redacted]')
  })

  it('takes the headers of the body that was not sent, and keeps the others', async () => {
    const target = await start({
      handler: (input) => {
        input.setHeader('Content-Type', 'text/html')
        input.setHeader('Content-Encoding', 'gzip')
        input.setHeader('ETag', '"x"')
        input.setHeader('Cache-Control', 'public, max-age=600')
        input.setHeader('X-Own', 'kept')
        throw new GatewayError('model_not_found')
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(404)
    target.expectEnvelope(answer)
    expect(answer.headers).toMatchObject({ 'x-own': 'kept' })
    for (const name of ['content-encoding', 'etag', 'cache-control']) {
      expect(answer.headers).not.toHaveProperty(name)
    }
  })

  it('splits no response by a header a handler makes of what it was sent', async () => {
    const target = await start({
      handler: (input) => {
        input.setHeader('X-Model', `${JSON.stringify(input.body)}\r\nX-Injected: 1`)
        return { ok: true }
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(500)
    target.expectEnvelope(answer)
    expect(answer.headers).not.toHaveProperty('x-injected')
  })

  it('lets an error of somebody else set no header that would break the response', async () => {
    const target = await start({
      handler: () => {
        throw Object.assign(new Error('x'), {
          status: 429,
          headers: {
            'Retry-After': '7',
            'X-Bad': 'a\r\nX-Injected: 1',
            'X-\u20ac': 'a',
            'Content-Length': '1',
            'Transfer-Encoding': 'chunked',
            Connection: 'upgrade',
          },
        })
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(429)
    target.expectEnvelope(answer)
    expect(answer.headers['retry-after']).toBe('7')
    expect(answer.headers).not.toHaveProperty('x-injected')
  })

  it.each([
    ['a message of a megabyte', { message: 'm'.repeat(1_000_000) }],
    ['a param of a megabyte', { param: 'p'.repeat(1_000_000) }],
    ['half a character', { message: '\ud800', param: '\udfff' }],
    ['control characters', { message: '\0\u001b[31m\r\n\u2028', param: '</script>' }],
    ['a wait without end', { retryAfterMs: Infinity }],
    ['a wait that is none', { retryAfterMs: NaN }],
    ['a wait before now', { retryAfterMs: -1 }],
  ])('gives an answer to an error with %s', async (_, options) => {
    const target = await start({
      handler: () => {
        throw new GatewayError('request_rate_limited', options)
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(429)
    target.expectEnvelope(answer)
    expect(answer.body.length).toBeLessThan(8_000)
    const wait = Number(answer.headers['retry-after'] ?? 1)
    expect(wait).toBeGreaterThanOrEqual(1)
    expect(wait).toBeLessThanOrEqual(86_400)
  })

  it('gives an answer to an error whose details cannot be written', async () => {
    const details: Record<string, string> = {}
    Object.defineProperty(details, 'rule', {
      enumerable: true,
      get() {
        throw new Error('do not look')
      },
    })
    const target = await start({
      handler: () => {
        throw new GatewayError('request_rate_limited', { details })
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(500)
    expect(target.expectEnvelope(answer).code).toBe('internal_error')
  })

  it('gives an answer for a value that is no JSON', async () => {
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    for (const value of [loop, { big: 1n }, { toJSON: () => loop }]) {
      const target = await start({ handler: () => value })
      const answer = await target.send()
      expect(answer.status).toBe(500)
      expect(target.expectEnvelope(answer).message).toBe(internal)
    }
  })

  it('sends no body to HEAD, and the same headers', async () => {
    const target = await start()
    const sent = { path: '/v1/models', key: null, body: undefined }
    const head = await target.send({ ...sent, method: 'HEAD' })
    const get = await target.send({ ...sent, method: 'GET' })
    expect(head.status).toBe(401)
    expect(head.body).toBe('')
    expect(head.headers['content-length']).toBe(get.headers['content-length'])
    target.expectRefused(get, 401)
  })

  it('has a message for every condition that shows nothing of its inside', async () => {
    const target = await start({
      handler: ({ raw }) => {
        const condition = new URL(raw.request.url ?? '', 'http://a').searchParams.get('c')
        throw new GatewayError(condition as keyof typeof conditions, {
          cause: new Error(`the inside ${target.key}`),
        })
      },
    })
    for (const condition of Object.keys(conditions)) {
      const answer = await target.send({ path: `${chat}?c=${condition}` })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      const error = target.expectEnvelope(answer)
      expect(error.message).not.toContain('the inside')
    }
  })
})
