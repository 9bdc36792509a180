import { PassThrough } from 'node:stream'
import { generateKey } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import { chat, chatBody, harnesses, targetsOn } from './target.js'

describe.each(harnesses)('hostile credentials on $name', (harness) => {
  const start = targetsOn(harness)

  it('refuses a request without any, and asks for a bearer token', async () => {
    const target = await start()
    const answer = await target.send({ key: null })
    target.expectRefused(answer, 401, 'invalid_api_key')
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect(target.store.asked).toEqual([])
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'refuses a %s without any',
    async (method) => {
      const target = await start()
      const answer = await target.send({ method, path: '/v1/models', key: null, body: undefined })
      target.expectRefused(answer, 401, 'invalid_api_key')
    },
  )

  it.each([
    '/v1%2fchat/completions',
    '//v1/chat/completions',
    '/v1//chat/completions',
    '/v1/chat/completions;x',
    '/v1/chat/completions/',
    '/V1/CHAT/COMPLETIONS',
    '/v1/./chat/completions',
    '/v1beta/../v1/chat/completions',
    '/v1/chat/completions%00',
    '/v1/chat/completions?',
    '/v1/chat/completions#x',
    '/%',
    '/%zz',
    '/',
    '/nothing/here',
  ])('lets nobody past them by another spelling of the path: %s', async (path) => {
    const target = await start()
    const body = JSON.stringify(chatBody())
    const answer = await target.rawOne(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n` +
        `Content-Type: application/json\r\n\r\n${body}`,
    )
    // Fastify refuses a malformed URL before there is a route.
    target.expectRefused(answer, [401, 400])
  })

  it.each(['', 'Bearer', 'Bearer ', 'bearer', ' ', '\t'])(
    'takes an Authorization header with nothing in it for none: %j',
    async (authorization) => {
      const target = await start()
      const answer = await target.rawOne(target.bytes([`Authorization: ${authorization}`]))
      target.expectRefused(answer, 401, 'invalid_api_key')
    },
  )

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('takes the scheme %s', async (scheme) => {
    const target = await start()
    target.expectPassed(
      await target.send({ key: null, headers: { authorization: `${scheme} ${target.key}` } }),
    )
  })

  it.each(['Authorization', 'AUTHORIZATION', 'aUTHORIZATION'])(
    'takes the header name %s',
    async (name) => {
      const target = await start()
      target.expectPassed(await target.rawOne(target.bytes([`${name}: Bearer ${target.key}`])))
    },
  )

  it('takes several spaces behind the scheme, and blanks around the value', async () => {
    const target = await start()
    for (const line of [
      `Authorization: Bearer  ${target.key}`,
      `Authorization: Bearer      ${target.key}`,
      `Authorization:\tBearer ${target.key} \t `,
      `Authorization:Bearer ${target.key}`,
      `X-Api-Key: \t ${target.key}\t`,
    ]) {
      target.expectPassed(await target.rawOne(target.bytes([line])))
    }
  })

  it.each([
    'Bearer\tKEY',
    'Bearer \tKEY',
    'Bearer KEY KEY',
    'Bearer KEY,',
    'Bearer "KEY"',
    'Bearer <KEY>',
    'Bearer: KEY',
    'BearerKEY',
    'Bearer,Bearer KEY',
    'Bearer Bearer KEY',
    'Bearer token="KEY"',
    'Bearer KEY%00',
    'Bearer %4bEY',
    'Bearer KEY\u00a0',
    'Bearer K EY',
    'KEY',
    'Token KEY',
    'ApiKey KEY',
    'Basic KEY',
    'Digest KEY',
    'Negotiate KEY',
  ])('refuses the header %j', async (form) => {
    const target = await start()
    const authorization = form.replaceAll('KEY', target.key)
    const answer = await target.send({ key: null, headers: { authorization } })
    target.expectRefused(answer, 401, 'invalid_api_key')
    expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
  })

  it('refuses a key as a user name of Basic', async () => {
    const target = await start()
    for (const text of [`${target.key}:`, `:${target.key}`, `user:${target.key}`]) {
      const authorization = `Basic ${Buffer.from(text).toString('base64')}`
      const answer = await target.send({ key: null, headers: { authorization } })
      target.expectRefused(answer, 401, 'invalid_api_key')
    }
  })

  it('takes two carriers that agree', async () => {
    const target = await start()
    target.expectPassed(
      await target.send({
        headers: { 'x-api-key': target.key, 'x-goog-api-key': target.key },
      }),
    )
  })

  it('refuses two carriers that disagree, in any order, even when both are valid', async () => {
    const target = await start()
    const other = await target.makeKey()
    const pairs = [
      [target.key, other],
      [other, target.key],
      [target.key, 'x'],
      ['x', target.key],
      [target.key, ''],
    ]
    for (const [first, second] of pairs) {
      for (const name of ['X-Api-Key', 'X-Goog-Api-Key']) {
        const lines = [`Authorization: Bearer ${first}`, `${name}: ${second}`]
        for (const order of [lines, lines.toReversed()]) {
          const answer = await target.rawOne(target.bytes(order))
          target.expectRefused(answer, 401, 'invalid_api_key')
        }
      }
    }
    const lines = [`X-Api-Key: ${target.key}`, `X-Goog-Api-Key: ${other}`]
    target.expectRefused(await target.rawOne(target.bytes(lines)), 401, 'invalid_api_key')
  })

  it('refuses a valid key beside an Authorization of another scheme', async () => {
    const target = await start()
    const headers = { authorization: 'Basic dTpw', 'x-api-key': target.key }
    target.expectRefused(await target.send({ key: null, headers }), 401, 'invalid_api_key')
  })

  it('refuses two lines of one header, also when both are the same', async () => {
    const target = await start()
    const bad = generateKey('sk-lazu-')
    const bearers = [`Bearer ${target.key}`, `Bearer ${bad}`]
    const pairs = [
      ['Authorization', bearers[0], bearers[0]],
      ['Authorization', bearers[0], bearers[1]],
      ['Authorization', bearers[1], bearers[0]],
      ['Authorization', '', bearers[0]],
      ['Authorization', bearers[0], ''],
      ['X-Api-Key', target.key, target.key],
      ['X-Api-Key', target.key, bad],
      ['X-Api-Key', bad, target.key],
      ['X-Goog-Api-Key', target.key, bad],
    ]
    for (const [name = '', first, second] of pairs) {
      const lines = [`${name}: ${first}`, `${name.toLowerCase()}: ${second}`]
      target.expectRefused(await target.rawOne(target.bytes(lines)), 401, 'invalid_api_key')
    }
  })

  it.each([
    'api_key=KEY',
    'key=KEY',
    'apikey=KEY',
    'access_token=KEY',
    'token=KEY',
    '%61pi_key=KEY',
    'a=1&api_key=KEY&b=2',
    'api_key=KEY&api_key=KEY',
    'key',
  ])('refuses a key in the URL, says where it belongs and tells nobody: ?%s', async (query) => {
    const target = await start()
    const path = `${chat}?${query.replaceAll('KEY', target.key)}`
    const error = target.expectRefused(await target.send({ key: null, path }), 401)
    expect(error.message).toContain('Authorization: Bearer')
    expect(target.refused.at(-1)?.path).toBe(chat)
  })

  it('takes a key in the query of a Gemini route only', async () => {
    const target = await start()
    const { key } = target
    target.expectPassed(await target.send({ key: null, path: `/v1beta/generate?key=${key}` }))
    for (const path of [
      `/v1/messages?key=${key}`,
      `${chat}?key=${key}&path=/v1beta/generate`,
      `/v1beta/generate?api_key=${key}`,
      `/v1beta/generate?KEY=${key}`,
      `/v1beta/generate?key=${key}&key=other`,
      `/v1beta/generate?key=other&key=${key}`,
      `/v1beta/generate?key[]=${key}`,
      `/v1beta/generate?key=${key}%00`,
      `/v1beta/generate?key=%20${key}`,
      '/v1beta/generate?key=',
      '/v1beta/generate?key',
    ]) {
      target.expectRefused(await target.send({ key: null, path }), 401, 'invalid_api_key')
    }
    const path = `/v1beta/generate?key=${generateKey('sk-lazu-')}`
    target.expectRefused(await target.send({ path }), 401, 'invalid_api_key')
  })

  it('finds no key in the body, a cookie, or a header of another name', async () => {
    const target = await start()
    const { key } = target
    const body = chatBody({ api_key: key, key, authorization: `Bearer ${key}` })
    target.expectRefused(await target.send({ key: null, body }), 401, 'invalid_api_key')
    for (const name of [
      'x_api_key',
      'x-api_key',
      'api-key',
      'apikey',
      'cookie',
      'proxy-authorization',
      'x-authorization',
      'x-original-authorization',
      'token',
    ]) {
      const headers = { [name]: `Bearer ${key}` }
      target.expectRefused(await target.send({ key: null, headers }), 401, 'invalid_api_key')
    }
    expect(target.store.asked).toEqual([])
  })

  it('finds no key in the trailers', async () => {
    const target = await start()
    const body = JSON.stringify(chatBody())
    const answer = await target.rawOne(
      `POST ${chat} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n` +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\nAuthorization: Bearer ${target.key}\r\n\r\n`,
    )
    target.expectRefused(answer, 401, 'invalid_api_key')
  })

  it.each([
    ['a byte of latin-1', 'KEY\xe9'],
    ['a byte of latin-1 in its middle', 'sk-lazu-\xff'],
    ['only bytes of latin-1', '\xe9'.repeat(46)],
    ['full-width letters', Buffer.from('ｓｋ-lazu-abc').toString('latin1')],
    ['a zero-width space', `KEY${Buffer.from('\u200b').toString('latin1')}`],
    ['a byte order mark', `${Buffer.from('\ufeff').toString('latin1')}KEY`],
    ['a soft hyphen', `sk\xadlazu`],
    ['DEL', 'KEY\x7f'],
    ['a tab', 'KEY\tx'],
    ['%00', 'KEY%00'],
    ['a backslash', 'KEY\\'],
  ])('refuses a key with %s', async (_, form) => {
    const target = await start()
    const key = form.replaceAll('KEY', target.key)
    for (const line of [`Authorization: Bearer ${key}`, `X-Api-Key: ${key}`]) {
      const answer = await target.rawOne(target.bytes([line]))
      target.expectRefusedByAnybody(answer, 401)
    }
    expect(target.store.asked).toEqual([])
  })

  it.each([
    "' OR pg_sleep(8)--",
    "'; DROP TABLE keys;--",
    '" OR ""="',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'undefined',
    'null',
    'NaN',
    '%s%n',
    '%d%x%p',
    '${jndi:ldap://x/a}',
    '{{7*7}}',
    '<script>alert(1)</script>',
    '../../etc/passwd',
    'lz_live_%',
    'sk-lazu-%',
    'sk-lazu-*',
    '*',
    '%',
    '_',
    '?',
    '[a-z]*',
    'sk-lazu-',
    '{"$ne":null}',
    '0',
    '-1',
    'a'.repeat(46),
    'a'.repeat(512),
  ])('looks up %s as nothing but a digest', async (key) => {
    const target = await start()
    const answer = await target.send({ key })
    target.expectRefused(answer, 401, 'invalid_api_key')
    expect(target.store.asked.length).toBeLessThanOrEqual(1)
    for (const digest of target.store.asked) expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(answer.body).not.toContain('jndi')
  })

  it('asks no store about a key of 15 kB, nor about anything over 512 characters', async () => {
    const target = await start()
    for (const length of [513, 1_000, 15_000]) {
      target.expectRefused(await target.send({ key: 'k'.repeat(length) }), 401, 'invalid_api_key')
      const long = target.key + 'k'.repeat(length)
      target.expectRefused(await target.send({ key: long }), 401, 'invalid_api_key')
    }
    expect(target.store.asked).toEqual([])
  })

  it('runs no handler for a key of 17 kB', async () => {
    const target = await start()
    const answer = await target.rawOne(
      target.bytes([`Authorization: Bearer ${'k'.repeat(17_000)}`]),
    )
    expect(answer.status).toBe(431)
    expect(target.handled).toEqual([])
  })

  it('refuses a mistyped key of its own without asking the store', async () => {
    const target = await start()
    const { key } = target
    const last = key.endsWith('a') ? 'b' : 'a'
    for (const typo of [
      key.slice(0, -1),
      `${key}a`,
      key.slice(0, -1) + last,
      key.slice(0, -2),
      key.slice(0, 12),
      `${key.slice(0, 13)}${key.charAt(12)}${key.slice(13)}`.slice(0, 46),
      `sk-lazy-${key.slice(8)}`,
      `SK-LAZU-${key.slice(8)}`,
    ]) {
      target.expectRefused(await target.send({ key: typo }), 401, 'invalid_api_key')
    }
    expect(target.store.asked).toEqual([])
  })

  it('holds back only bad keys, by /64, however many addresses they come from', async () => {
    const target = await start({ gateway: { trustProxies: ['127.0.0.0/8'], allow: undefined } })
    const connection = target.connect()
    for (let count = 0; count < 1_000; count++) {
      const lines = [
        `Authorization: Bearer ${generateKey('sk-lazu-')}`,
        `X-Forwarded-For: 2001:db8:0:7:${(count * 7).toString(16)}::${count.toString(16)}`,
      ]
      connection.write(target.bytes(lines))
    }
    const answers = await connection.answers(1_000)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(60)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(940)
    target.expectRefused(answers[0] ?? never(), 401, 'invalid_api_key')
    const late = answers[999] ?? never()
    target.expectRefused(late, 429, 'request_rate_limit_exceeded')
    expect(late.headers['retry-after']).toBe('1')

    for (const address of ['2001:db8:0:7::1', '2001:db8:0:8::1', '203.0.113.9']) {
      target.expectPassed(await target.send({ headers: { 'x-forwarded-for': address } }))
    }
    const headers = { 'x-forwarded-for': '2001:db8:0:8::1' }
    const key = generateKey('sk-lazu-')
    target.expectRefused(await target.send({ key, headers }), 401, 'invalid_api_key')
    expect(
      (await target.send({ key: 'x', headers: { 'x-forwarded-for': '2001:db8:0:7::9' } })).status,
    ).toBe(429)
  })

  it('tells of a key only to who has its secret', async () => {
    const target = await start()
    const revoked = await target.makeKey({ name: 'revoked' })
    const disabled = await target.makeKey({ name: 'disabled' })
    const expired = await target.makeKey({ expiresAtMs: target.clock.wallMs() + 1_000 })
    for (const { id, name } of await target.keys.list()) {
      if (name === 'revoked') await target.keys.revoke(id)
      if (name === 'disabled') await target.keys.disable(id)
    }
    target.clock.advance(1_000)
    target.expectRefused(await target.send({ key: revoked }), 401, 'invalid_api_key')
    target.expectRefused(await target.send({ key: disabled }), 403, 'token_disabled')
    target.expectRefused(await target.send({ key: expired }), 401, 'token_expired')

    const anonymous = async (key: string): Promise<string> => {
      const error = target.expectRefused(await target.send({ key }), 401, 'invalid_api_key')
      return JSON.stringify({ ...error, request_id: '' })
    }
    const unknown = await anonymous(generateKey('sk-lazu-'))
    for (const key of [revoked, disabled, expired, target.key]) {
      expect(await anonymous(key.slice(0, -7))).toBe(unknown)
    }
    expect(await anonymous('x')).toBe(unknown)
  })

  it('lets a stream that runs finish when its key is revoked, and refuses the next call', async () => {
    const source = new PassThrough()
    const target = await start({ handler: (input) => input.stream(source) })
    const [record] = await target.keys.list()
    const streaming = target.send()
    await vi.waitFor(() => expect(target.handled).toHaveLength(1), { interval: 2 })
    source.write('data: {"n":1}\n\n')
    await target.keys.revoke(record?.id ?? '')
    const next = await target.send()
    source.end('data: [DONE]\n\n')
    const answer = await streaming
    target.expectPassed(answer)
    expect(answer.body).toBe('data: {"n":1}\n\ndata: [DONE]\n\n')
    target.expectRefused(next, 401, 'invalid_api_key')
  })

  it('answers 503, never 401, while the store of keys is away', async () => {
    const target = await start()
    target.expectPassed(await target.send())
    const key = await target.makeKey()
    target.store.failure = new Error(`no route to the store, asked for ${key}`)
    target.expectRefused(await target.send({ key }), 503, 'gateway_overloaded')
    target.expectRefused(await target.send({ key: generateKey('sk-lazu-') }), 503)
    expect(target.lines.join()).toContain('no route to the store')
    // Whoever was known lately is not locked out, and nonsense is still nonsense.
    target.expectPassed(await target.send())
    target.lines.length = 0
    target.expectRefused(await target.send({ key: 'sk-lazu-' }), 401, 'invalid_api_key')
    target.expectRefused(await target.send({ key: `${key}x` }), 401, 'invalid_api_key')
  })

  it('ignores headers that have the names of things every object has', async () => {
    const target = await start()
    const lines = [
      '__proto__: x',
      'constructor: x',
      'toString: x',
      'hasOwnProperty: x',
      'length: 0',
    ]
    target.expectRefused(await target.rawOne(target.bytes(lines)), 401, 'invalid_api_key')
    const bearer = `Authorization: Bearer ${target.key}`
    target.expectPassed(await target.rawOne(target.bytes([...lines, bearer])))
  })

  it('answers 431 where Node may have dropped headers, wherever the key stands', async () => {
    const target = await start()
    const many = Array.from({ length: 2_100 }, () => 'a:b')
    const bearer = `Authorization: Bearer ${target.key}`
    const bad = `Authorization: Bearer ${generateKey('sk-lazu-')}`
    for (const lines of [[...many, bearer], [bearer, ...many], [bearer, ...many, bad], many]) {
      target.expectRefused(await target.rawOne(target.bytes(lines)), 431, 'invalid_request')
    }
    const few = many.slice(0, 900)
    target.expectRefused(await target.rawOne(target.bytes([...few, bearer, bad])), 401)
    target.expectPassed(await target.rawOne(target.bytes([...few, bearer])))
  })
})

function never(): never {
  throw new Error('there is no such answer')
}
