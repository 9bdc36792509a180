import { answerClientErrors } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import { chat, chatBody, harnesses, targetsOn, type Target } from './target.js'

const json = JSON.stringify(chatBody())

/** A request line and headers, and behind them whatever is given. */
function head(target: Target, lines: readonly string[], rest = ''): string {
  const key = `Authorization: Bearer ${target.key}`
  const own = [`POST ${chat} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', key]
  return `${[...own, ...lines].join('\r\n')}\r\n\r\n${rest}`
}

const unreadable: readonly [string, readonly string[], string?][] = [
  ['Content-Length and Transfer-Encoding', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
  ['the same the other way round', ['Transfer-Encoding: chunked', 'Content-Length: 4']],
  ['two lengths', ['Content-Length: 4', 'Content-Length: 5']],
  ['the same length twice', ['Content-Length: 4', 'Content-Length: 4']],
  ['a list of lengths', ['Content-Length: 4, 4']],
  ['a negative length', ['Content-Length: -1']],
  ['a length with a sign', ['Content-Length: +4']],
  ['a hexadecimal length', ['Content-Length: 0x4']],
  ['a length with a fraction', ['Content-Length: 4.0']],
  ['no length at all in the header', ['Content-Length: ']],
  ['a length no number holds', [`Content-Length: ${'9'.repeat(30)}`]],
  ['a coding that is none', ['Transfer-Encoding: xchunked']],
  ['chunked that is not last', ['Transfer-Encoding: chunked, identity']],
  ['the coding twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']],
  ['a folded header', ['X-Folded: a', ' b']],
  ['a header folded by a tab', ['X-Folded: a', '\tb']],
  ['a folded key', ['X-Api-Key: a', ' b']],
  ['a space before the colon', ['X-Space : a']],
  ['a space before the colon of the coding', ['Transfer-Encoding : chunked']],
  ['a tab before the colon', ['X-Tab\t: a']],
  ['NUL in a value', ['X-Nul: a\0b']],
  ['NUL in a name', ['X-N\0ul: a']],
  ['NUL behind the key', ['X-Api-Key: sk-lazu-x\0']],
  ['a control character in a value', ['X-Control: a\x01b']],
  ['DEL in a name', ['X-\x7f: a']],
  ['a byte of latin-1 in a name', ['X-\xe9: a']],
  ['a bare CR in a value', ['X-Cr: a\rb']],
  ['a bare CR that hides a header', ['X-Cr: a\rX-Api-Key: b']],
  ['a bare LF that hides the coding', ['X-Lf: a\n\rTransfer-Encoding: chunked']],
  ['no colon', ['X-Nothing']],
  ['no name', [': a']],
  ['a chunk size that is none', ['Transfer-Encoding: chunked'], 'zz\r\n'],
  ['a negative chunk size', ['Transfer-Encoding: chunked'], '-1\r\n'],
  ['a chunk size with a prefix', ['Transfer-Encoding: chunked'], '0x4\r\nabcd\r\n0\r\n\r\n'],
  ['a chunk size no number holds', ['Transfer-Encoding: chunked'], `${'f'.repeat(17)}\r\n`],
  ['a chunk longer than it says', ['Transfer-Encoding: chunked'], '4\r\nabcde\r\n0\r\n\r\n'],
]

const noRequests: readonly [string, string][] = [
  ['nonsense', 'nonsense\r\n\r\n'],
  ['a method that is none', 'STEAL / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a method in lower case', 'post / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['NUL in the target', 'GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bytes of latin-1 in the target', 'GET /\xe9\xff HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['another version', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['another protocol', 'GET / ICAP/1.0\r\nHost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
]

describe.each(harnesses)('hostile framing on $name', (harness) => {
  const start = targetsOn(harness)

  async function startWithHook(): Promise<Target> {
    const target = await start()
    answerClientErrors(await target.server())
    return target
  }

  it.each(unreadable)('answers 400 to %s', async (_, lines, rest) => {
    const target = await startWithHook()
    const connection = target.connect()
    connection.write(head(target, lines, rest ?? 'abcd'))
    const [answer, ...others] = await connection.closedByServer()
    if (answer === undefined) throw new Error('there was no answer')
    target.expectRefused(answer, 400, 'invalid_request')
    expect(answer.headers['connection']).toBe('close')
    expect(others).toEqual([])
    expect(connection.rest).toBe('')
  })

  it.each(noRequests)('answers 400 to %s', async (_, bytes) => {
    const target = await startWithHook()
    const connection = target.connect()
    connection.write(bytes)
    const [answer, ...others] = await connection.closedByServer()
    if (answer === undefined) throw new Error('there was no answer')
    target.expectRefused(answer, 400, 'invalid_request')
    expect(others).toEqual([])
  })

  it('runs no handler for any of them without the hook either', async () => {
    const target = await start()
    for (const [, lines, rest] of unreadable) {
      const [answer] = await target.raw(head(target, lines, rest ?? 'abcd'))
      expect(answer?.status ?? 400).toBe(400)
    }
    for (const [, bytes] of noRequests) {
      const [answer] = await target.raw(bytes)
      expect(answer?.status ?? 400).toBe(400)
    }
    expect(target.handled).toEqual([])
  })

  it('takes lines that end with LF alone for what they say, or refuses them', async () => {
    const target = await startWithHook()
    const bytes = head(target, [`Content-Length: ${json.length}`], json).replaceAll('\r\n', '\n')
    target.expectRefused(await target.rawOne(bytes), 400, 'invalid_request')
  })

  it('runs nothing that is smuggled behind a refused request', async () => {
    const target = await startWithHook()
    const inner = head(target, [`Content-Length: ${json.length}`], json)
    for (const lines of [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: xchunked'],
      [`Content-Length: 0`, `Content-Length: ${inner.length}`],
    ]) {
      const connection = target.connect()
      connection.write(head(target, lines, `0\r\n\r\n${inner}`))
      expect(await connection.closedByServer()).toHaveLength(1)
    }
    expect(target.handled).toEqual([])
  })

  it('answers 431 to headers that are too large, and 413 to chunk extensions', async () => {
    const target = await startWithHook()
    const large = await target.rawOne(head(target, [`X-Large: ${'a'.repeat(20_000)}`]))
    target.expectRefused(large, 431, 'invalid_request')
    const extended = `1;${'a'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`
    const answer = await target.rawOne(head(target, ['Transfer-Encoding: chunked'], extended))
    target.expectRefused(answer, 413, 'payload_too_large')
  })

  it.each([
    'a/#',
    'a/?',
    'a?x=/v1beta/',
    'evil.com:fake@good',
    '',
    '[::1',
    '/v1beta/',
    'a b',
    '<x>',
  ])('routes by the target and not by the host %j', async (host) => {
    const target = await start()
    const withKey = target.bytes([`Authorization: Bearer ${target.key}`])
    target.expectPassed(await target.rawOne(withKey.replace('Host: a', `Host: ${host}`)))
    const query = `${chat}?key=${target.key}`
    const inQuery = target.bytes([]).replace(chat, query).replace('Host: a', `Host: ${host}`)
    target.expectRefused(await target.rawOne(inQuery), 401, 'invalid_api_key')
  })

  it('lets no second host, and none, change anything', async () => {
    const target = await start()
    const key = `Authorization: Bearer ${target.key}`
    target.expectPassed(await target.rawOne(target.bytes([key, 'Host: evil'])))
    target.expectRefused(await target.rawOne(target.bytes(['Host: evil'])), 401)
    // Without one it is no HTTP/1.1: Node answers this itself, without telling anybody.
    const without = await target.rawOne(target.bytes([key]).replace('Host: a\r\n', ''))
    expect(without.status).toBe(400)
    expect(target.handled).toHaveLength(1)
  })

  it.each(['http://evil', 'https://evil:443', 'HTTP://EVIL', 'http://user:pw@evil', 'http://'])(
    'asks for a key at the absolute target %s/v1…',
    async (origin) => {
      const target = await start()
      const bytes = target.bytes([]).replace(chat, `${origin}${chat}`)
      target.expectRefused(await target.rawOne(bytes), [401, 400])
      const query = target.bytes([]).replace(chat, `${origin}/v1beta/..${chat}?key=${target.key}`)
      const smuggled = await target.rawOne(query)
      expect(smuggled.status).toBeGreaterThanOrEqual(400)
      target.expectRefused(smuggled, [400, 401, 404])
    },
  )

  it('tells events the path of an absolute target without its host', async () => {
    const target = await start()
    await target.rawOne(target.bytes([]).replace(chat, `http://evil${chat}?a=1`))
    expect(target.refused.map(({ path }) => path)).toEqual([chat])
  })

  it.each(['*', 'evil:443', 'x', '?', '//', '//evil/v1', '\\', '/..;/', 'javascript:alert(1)'])(
    'asks for a key at the target %s',
    async (path) => {
      const target = await start()
      const answer = await target.rawOne(target.bytes([]).replace(chat, path))
      target.expectRefusedByAnybody(answer, [401, 400, 404])
    },
  )

  it('refuses a request that waits for 100 Continue before its body is sent', async () => {
    const target = await start()
    for (const expectation of ['100-continue', '100-Continue']) {
      const connection = target.connect()
      connection.write(
        `POST ${chat} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n` +
          `Content-Length: 90000\r\nExpect: ${expectation}\r\n\r\n`,
      )
      const answers = await connection.answers(2)
      // Node itself says 100 before anybody is asked.
      expect(answers.map(({ status }) => status)).toEqual([100, 401])
      target.expectRefused(answers[1] ?? never(), 401, 'invalid_api_key')
      expect(answers[1]?.headers['connection']).toBe('close')
      await connection.closedByServer()
    }
  })

  it('runs no handler for an expectation that is none', async () => {
    const target = await start()
    const answer = await target.rawOne(head(target, ['Expect: nonsense', 'Content-Length: 0']))
    expect(answer.status).toBe(417)
    expect(target.handled).toEqual([])
  })

  it.each(['Content-Length: 10737418240', 'Transfer-Encoding: chunked'])(
    'refuses a stranger at once, unread, and hangs up: %s',
    async (line) => {
      const target = await start()
      const connection = target.connect()
      connection.write(`POST ${chat} HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`)
      const [answer] = await connection.closedByServer()
      target.expectRefused(answer ?? never(), 401, 'invalid_api_key')
      expect(answer?.headers['connection']).toBe('close')
    },
  )

  it('refuses a body over the limit, whatever the framework has to read of it first', async () => {
    const target = await start({ bodyLimitBytes: 10_000 })
    const body = ' '.repeat(20_000)
    const large = head(target, [`Content-Length: ${body.length}`], body)
    target.expectRefused(await target.rawOne(large), 413, 'payload_too_large')
    const chunk = `1000\r\n${' '.repeat(4_096)}\r\n`
    const chunked = head(target, ['Transfer-Encoding: chunked'], `${chunk.repeat(5)}0\r\n\r\n`)
    target.expectRefused(await target.rawOne(chunked), 413, 'payload_too_large')
  })

  it('ends 10 GB from who has a key, too', async () => {
    const target = await start({ gateway: { timeout: '30s' }, bodyLimitBytes: 10_000 })
    const connection = target.connect()
    connection.write(head(target, ['Content-Length: 10737418240'], ' '.repeat(20_000)))
    if (harness.name === 'express') {
      // Its parser refuses at once, but says so only when it has read all there is.
      await vi.waitUntil(() => target.clock.waiting === 1, { interval: 2 })
      target.clock.advance(30_000)
    }
    const [answer] = await connection.closedByServer()
    target.expectRefused(answer ?? never(), harness.name === 'express' ? 504 : 413)
    expect(answer?.headers['connection']).toBe('close')
  })

  it('ends a body that comes a byte at a time', async () => {
    const target = await start({ gateway: { timeout: '30s' } })
    const connection = target.connect()
    connection.write(head(target, [`Content-Length: ${json.length}`], json.slice(0, 5)))
    await vi.waitFor(() => expect(target.clock.waiting).toBe(1), { interval: 2 })
    for (let sent = 5; sent < 15; sent++) {
      connection.write(json.charAt(sent))
      target.clock.advance(2_999)
    }
    target.clock.advance(10)
    const [answer] = await connection.closedByServer()
    target.expectRefused(answer ?? never(), 504, 'upstream_timeout')
    expect(answer?.headers['connection']).toBe('close')
    expect(target.clock.waiting).toBe(0)
  })

  it('gives back what is held when a handler takes too long, or the client leaves', async () => {
    const target = await start({
      gateway: { timeout: '30s' },
      handler: () => new Promise(() => undefined),
    })
    const late = target.send()
    await vi.waitFor(() => expect(target.handled).toHaveLength(1), { interval: 2 })
    expect(target.ledger.balance('acme').held).toBeGreaterThan(0)
    target.clock.advance(30_000)
    target.expectEnvelope(await late)
    await vi.waitFor(() => expect(target.ledger.balance('acme').held).toBe(0), { interval: 2 })

    const connection = target.connect()
    connection.write(head(target, [`Content-Length: ${json.length}`], json))
    await vi.waitFor(() => expect(target.handled).toHaveLength(2), { interval: 2 })
    expect(target.ledger.balance('acme').held).toBeGreaterThan(0)
    await connection.close()
    await vi.waitFor(() => expect(target.ledger.balance('acme').held).toBe(0), { interval: 2 })
    expect(target.ledger.balance('acme').settled).toBe(0)
    await vi.waitFor(() => expect(target.clock.waiting).toBe(0), { interval: 2 })
  })

  it('holds nothing for a body that breaks off', async () => {
    const target = await start({ gateway: { timeout: '30s' } })
    for (const line of [`Content-Length: ${json.length}`, 'Transfer-Encoding: chunked']) {
      const connection = target.connect()
      connection.write(head(target, [line], line.startsWith('C') ? json.slice(0, 5) : '5\r\n{'))
      await vi.waitFor(() => expect(target.clock.waiting).toBe(1), { interval: 2 })
      await connection.close()
      await vi.waitFor(() => expect(target.clock.waiting).toBe(0), { interval: 2 })
    }
    expect(target.handled).toEqual([])
    expect(target.lines).toEqual([])
  })

  it('counts each of 100 requests that are sent at once over one connection, once', async () => {
    const target = await start({ gateway: { limits: { rpm: 1_000 } } })
    const bytes = head(target, [`Content-Length: ${json.length}`], json)
    const answers = await target.raw(bytes.repeat(100), 100)
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
    expect(target.handled).toHaveLength(100)
    const ids = new Set(answers.map(({ headers }) => headers['x-request-id']))
    expect(ids.size).toBe(100)
    const remaining = answers.map(({ headers }) =>
      Number(headers['x-ratelimit-remaining-requests']),
    )
    const each = Array.from({ length: 100 }, (_, index) => 999 - index)
    expect(remaining.toSorted((left, right) => right - left)).toEqual(each)
    await vi.waitFor(() => expect(target.settled).toHaveLength(100), { interval: 2 })
    const { settled } = target.ledger.balance('acme')
    expect(settled).toBe(target.settled.reduce((sum, { amount }) => sum + amount, 0))
  })

  it('keeps requests on one connection apart', async () => {
    const target = await start()
    const other = await target.makeKey({ models: ['dear'] })
    const good = head(target, [`Content-Length: ${json.length}`], json)
    const elses = good.replace(target.key, other)
    const nobodys = good.replace(/Authorization.*\r\n/, '')
    const answers = await target.raw([good, nobodys, elses, good, nobodys].join(''), 5)
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 200, 401])
    expect(target.handled.map(({ lazu }) => lazu.key?.account)).toEqual(['acme', 'acme'])
  })

  it.each(['websocket', 'h2c', 'TLS/1.0', 'nonsense'])(
    'guards a request that would rather be %s',
    async (protocol) => {
      const target = await start()
      const lines = ['Connection: Upgrade', `Upgrade: ${protocol}`]
      const get = (own: readonly string[]): string =>
        ['GET /v1/models HTTP/1.1', 'Host: a', ...lines, ...own, '', ''].join('\r\n')
      target.expectRefused(await target.rawOne(get([])), 401, 'invalid_api_key')
      const key = `Authorization: Bearer ${target.key}`
      target.expectPassed(await target.rawOne(get([key])))
      target.expectRefused(await target.rawOne(target.bytes(lines)), 401, 'invalid_api_key')
    },
  )

  it('makes no tunnel', async () => {
    const target = await start()
    const connection = target.connect()
    connection.write(`CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\nX-Api-Key: ${target.key}\r\n\r\n`)
    expect(await connection.closedByServer()).toEqual([])
    expect(target.handled).toEqual([])
  })

  it('guards HTTP/1.0, and answers it', async () => {
    const target = await start()
    const old = head(target, [`Content-Length: ${json.length}`], json).replace('1.1', '1.0')
    target.expectPassed(await target.rawOne(old))
    const nobodys = old.replace(/Authorization.*\r\n/, '')
    target.expectRefused(await target.rawOne(nobodys), 401, 'invalid_api_key')
  })
})

function never(): never {
  throw new Error('there is no such answer')
}
