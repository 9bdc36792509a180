import { deflateSync, gzipSync } from 'node:zlib'
import { usd } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Answer } from './raw-client.js'
import { account, chat, chatBody, harnesses, prices, targetsOn, type Target } from './target.js'

const bearer = (target: Target): Record<string, string> => ({
  authorization: `Bearer ${target.key}`,
})

/** What the handler saw of a body. */
function bodySeen(target: Target): unknown {
  return target.handled.at(-1)?.body
}

/** A chat request with so many lists or objects in each other. */
function deep(open: string, close: string, count: number): string {
  return `{"model":"cheap","max_tokens":1,"messages":${open.repeat(count)}1${close.repeat(count)}}`
}

describe.each(harnesses)('hostile bodies on $name', (harness) => {
  const start = targetsOn(harness)

  async function send(
    body: string | Buffer | object,
    contentType?: string,
  ): Promise<[Target, Answer]> {
    const target = await start()
    const headers = contentType === undefined ? {} : { 'content-type': contentType }
    return [target, await target.send({ body, headers })]
  }

  it.each([
    '{',
    '}',
    '{"model":"cheap"',
    '{"model":"cheap",}',
    "{'model':'cheap'}",
    '{model:"cheap"}',
    '{"model":"cheap"}{"model":"dear"}',
    '{"model":"cheap"} trailing',
    '{"model":"cheap"}\0',
    '\0{"model":"cheap"}',
    '{"model":"ch\neap"}',
    '{"model":"\\x63heap"}',
    '{"model":"cheap","max_tokens":010}',
    '{"model":"cheap","max_tokens":+1}',
    '{"model":"cheap","max_tokens":.5}',
    '{"model":"cheap","max_tokens":NaN}',
    '{"model":"cheap","max_tokens":Infinity}',
    '{"model":"cheap","max_tokens":0x10}',
    '{"model":undefined}',
    '{"model":"cheap" /* free */}',
    '// free\n{"model":"cheap"}',
    'a secret text that no answer repeats',
    '<xml/>',
    'model=cheap',
    '\u00a0{"model":"cheap"}',
  ])('refuses what is no JSON: %j', async (body) => {
    const [target, answer] = await send(body)
    const error = target.expectRefused(answer, 400, 'bad_request_body')
    expect(error.message).toBe('The request body is not valid JSON.')
  })

  it.each([
    'null',
    'true',
    '123',
    '1e999',
    '-0',
    '"str"',
    '"{\\"model\\":\\"cheap\\"}"',
    '[]',
    '[{"model":"cheap"}]',
    '[1e999]',
  ])('refuses JSON that is no object: %s', async (body) => {
    const [target, answer] = await send(body)
    target.expectRefused(answer, 400, 'bad_request_body')
  })

  it.each([
    '',
    ' ',
    '{}',
    '\r\n',
    '{"MODEL":"cheap"}',
    '{"model ":"cheap"}',
    '{"mode\\u013c":"x"}',
  ])('refuses a body that asks for nothing: %j', async (body) => {
    const [target, answer] = await send(body)
    target.expectRefused(answer, 400)
  })

  it('refuses a request without a body, and one of no type', async () => {
    const target = await start()
    target.expectRefused(await target.send({ body: undefined }), 400)
    const body = JSON.stringify(chatBody())
    const head = [`POST ${chat} HTTP/1.1`, 'Host: a', `Authorization: Bearer ${target.key}`]
    const lines = [...head, `Content-Length: ${body.length}`, '', body]
    target.expectRefused(await target.rawOne(lines.join('\r\n')), [400, 415])
  })

  it.each([
    '{"model":"cheap","__proto__":{"isAdmin":true}}',
    '{"model":"cheap","constructor":{"prototype":{"isAdmin":true}}}',
    '{"model":"cheap","__proto__":{"__proto__":{"isAdmin":true}}}',
    '{"model":"cheap","messages":[{"__proto__":{"isAdmin":true}}]}',
    '{"model":"cheap","\\u005f_proto__":{"isAdmin":true}}',
    '{"model":"cheap","prototype":{"isAdmin":true},"toString":1,"hasOwnProperty":1,"valueOf":1}',
    '{"model":"cheap","toJSON":{"isAdmin":true},"then":1}',
  ])('is not polluted by %s', async (body) => {
    const [target, answer] = await send(body)
    target.expectPassedOrRefused(answer, 400, 'bad_request_body')
    const accounts = target.handled.map(({ lazu }) => lazu.key?.account)
    expect(accounts.every((name) => name === account)).toBe(true)
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
    expect(Reflect.get(Object.prototype, 'isAdmin')).toBeUndefined()
  })

  it.each([
    '{"__proto__":{"model":"cheap"}}',
    '{"constructor":{"model":"cheap"}}',
    '{"model":{"__proto__":"cheap"}}',
    '{"body":{"model":"cheap"}}',
  ])('takes its fields from the body itself and from nowhere else: %s', async (body) => {
    const [target, answer] = await send(body)
    target.expectRefused(answer, 400)
  })

  it.each([
    ['UTF-16, little end first', 'application/json; charset=utf-16le', 'utf16le', ''],
    ['UTF-16 that does not say so', 'application/json', 'utf16le', ''],
    ['UTF-16 with its mark', 'application/json; charset=utf-16', 'utf16le', '\ufeff'],
    ['UTF-16 that says it is UTF-8', 'application/json; charset=utf-8', 'utf16le', '\ufeff'],
    ['UTF-8 that says it is UTF-16', 'application/json; charset=utf-16le', 'utf8', ''],
    ['UTF-7', 'application/json; charset=utf-7', 'utf8', ''],
    ['UTF-32', 'application/json; charset=utf-32', 'utf8', ''],
    ['latin-1', 'application/json; charset=iso-8859-1', 'latin1', ''],
    ['EBCDIC', 'application/json; charset=ibm037', 'utf8', ''],
    ['no charset at all', 'application/json; charset=nonsense', 'utf8', ''],
    ['a quoted UTF-16', 'application/json; charset="UTF-16LE"', 'utf16le', ''],
    ['two charsets', 'application/json;charset=utf-8;charset=utf-16le', 'utf16le', ''],
    ['an escaped one', 'application/json;charset="utf\\-16le"', 'utf16le', ''],
    [
      'one behind many others',
      `application/json;${'a=b;'.repeat(999)}charset=utf-16le`,
      'utf16le',
      '',
    ],
    ['a charset in capitals', 'APPLICATION/JSON; CHARSET=UTF-16LE', 'utf16le', ''],
    ['a charset behind another parameter', 'application/json;a=b;charset=utf-16le', 'utf16le', ''],
  ] as const)('refuses %s', async (_, type, encoding, mark) => {
    const body = Buffer.from(mark + JSON.stringify(chatBody()), encoding)
    const [target, answer] = await send(body, type)
    target.expectRefused(answer, 400, 'bad_request_body')
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'APPLICATION/JSON',
  ])('takes UTF-8 as %s, with a byte order mark or without', async (type) => {
    const [target, answer] = await send(JSON.stringify(chatBody()), type)
    target.expectPassed(answer)
    const body = `\ufeff${JSON.stringify(chatBody({ user: 'ü€😀' }))}`
    target.expectPassed(await target.send({ body, headers: { 'content-type': type } }))
    expect(bodySeen(target)).toEqual(chatBody({ user: 'ü€😀' }))
  })

  it.each([
    'text/plain',
    'text/html',
    'application/octet-stream',
    'application/xml',
    'application/jsonp',
    'application/json5',
    'multipart/form-data; boundary=x',
    'image/png',
    '',
    'nonsense',
    '/',
    ';charset=utf-8',
    'a'.repeat(5_000),
  ])('refuses the type %j', async (type) => {
    const [target, answer] = await send(JSON.stringify(chatBody()), type)
    target.expectRefused(answer, [400, 415], 'bad_request_body')
  })

  it('refuses a form of 10,000 parts', async () => {
    const part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    const target = await start({ bodyLimitBytes: 2_000_000 })
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const body = `${part.repeat(10_000)}--x--\r\n`
    target.expectRefused(await target.send({ body, headers }), [400, 413, 415])
  })

  it.each([
    ['{"model":"cheap","model":"dear"}', 'dear'],
    ['{"model":"dear","model":"cheap"}', 'cheap'],
    ['{"model":"cheap","\\u006dodel":"dear"}', 'dear'],
    ['{"model":"cheap","Model":"dear","model ":"dear"}', 'cheap'],
    ['{"model":"cheap","messages":[{"model":"dear"}]}', 'cheap'],
  ] as const)('prices of %s what the handler sees', async (body, model) => {
    const held: number[] = []
    const target = await start({
      handler: ({ body: seen, lazu }) => {
        held.push(target.ledger.balance(account).held)
        lazu.charge({ inputTokens: 1_000, outputTokens: 1_000 })
        return seen
      },
    })
    const answer = await target.send({ body })
    target.expectPassed(answer)
    expect(JSON.parse(answer.body)).toMatchObject({ model })
    // 4,096 tokens of output, unless the body says otherwise.
    expect(held[0]).toBeGreaterThanOrEqual((prices[model].output * 4_096) / 1_000_000)
    expect(held[0]).toBeLessThan((prices[model].output * 4_500) / 1_000_000)
    await target.close()
    expect(target.settled).toMatchObject([
      { model, amount: (prices[model].input + prices[model].output) / 1_000 },
    ])
  })

  it('prices the last of two caps, as the handler sees it', async () => {
    const held: number[] = []
    const target = await start({
      handler: ({ body }) => {
        held.push(target.ledger.balance(account).held)
        return body
      },
    })
    const few = '{"model":"dear","max_tokens":1000000,"max_tokens":1}'
    const many = '{"model":"dear","max_tokens":1,"max_tokens":1000000}'
    for (const body of [few, many]) target.expectPassed(await target.send({ body }))
    expect(held[0]).toBeLessThan(usd(0.01))
    expect(held[1]).toBeGreaterThanOrEqual(prices.dear.output)
  })

  it.each([
    [['cheap'], 400],
    [[], 400],
    [{}, 400],
    [{ toString: 'cheap' }, 400],
    [{ id: 'cheap' }, 400],
    [1, 400],
    [0, 400],
    [true, 400],
    [null, 400],
    ['', 400],
    ['__proto__', 404],
    ['constructor', 404],
    ['toString', 404],
    ['hasOwnProperty', 404],
    [' cheap', 404],
    ['cheap ', 404],
    ['cheap\0', 404],
    ['CHEAP', 404],
    ['ｃheap', 404],
    ['cheap\u200b', 404],
    ['../cheap', 404],
    ['cheap/../dear', 404],
    ['<script>alert(1)</script>', 404],
    ['cheap\r\nX-Injected: 1', 404],
    ['\u001b[31mred', 404],
    ['\ud800', 404],
    ['%s%n${jndi:x}', 404],
    ['m'.repeat(256), 404],
    ['m'.repeat(10_000), 404],
    ['unpriced', 400],
  ])('refuses the model %j', async (model, status) => {
    const target = await start()
    const answer = await target.send({ body: chatBody({ model }) })
    const error = target.expectRefused(answer, status)
    expect(error.param).toBe('model')
    expect(answer.body.length).toBeLessThan(2_000)
    expect(answer.headers).not.toHaveProperty('x-injected')
  })

  it('refuses a model of a megabyte with an answer of a few bytes', async () => {
    const target = await start({ bodyLimitBytes: 4_000_000 })
    for (const letter of ['m', '\u0000', '"', '😀']) {
      const model = letter.repeat(1_000_000 / Buffer.byteLength(JSON.stringify(letter)))
      const answer = await target.send({ body: chatBody({ model }) })
      const error = target.expectRefused(answer, 404, 'model_not_found')
      expect(error.message).not.toContain(letter.repeat(100))
    }
  })

  it.each([
    -1,
    0,
    -0,
    1.5,
    '1e9',
    '10',
    '',
    true,
    [10],
    {},
    null,
    2 ** 53,
    2 ** 53 - 1,
    1e308,
    1e-308,
    -1e308,
    10_000_001,
  ])('refuses the cap %j in every field that has one', async (cap) => {
    const target = await start()
    for (const name of ['max_tokens', 'max_completion_tokens', 'max_output_tokens']) {
      const answer = await target.send({ body: { model: 'cheap', [name]: cap } })
      expect(target.expectRefused(answer, [400, 422], 'invalid_request').param).toBe(name)
    }
    for (const name of ['maxOutputTokens', 'max_output_tokens']) {
      const body = { model: 'cheap', generationConfig: { [name]: cap } }
      const answer = await target.send({ body })
      expect(target.expectRefused(answer, [400, 422]).param).toBe(`generationConfig.${name}`)
    }
    if (cap === 0 || cap === 10_000_001) return
    for (const name of ['n', 'best_of']) {
      const answer = await target.send({ body: { model: 'cheap', [name]: cap } })
      expect(target.expectRefused(answer, [400, 422]).param).toBe(name)
    }
  })

  it('refuses a cap of 1e999 and choices without end', async () => {
    const target = await start()
    for (const text of ['1e999', '-1e999', '1e309']) {
      for (const name of ['max_tokens', 'max_completion_tokens', 'n', 'best_of']) {
        const body = `{"model":"cheap","${name}":${text}}`
        expect(target.expectRefused(await target.send({ body }), [400, 422]).param).toBe(name)
      }
    }
    for (const n of [129, 1_000_000]) {
      target.expectRefused(await target.send({ body: chatBody({ n }) }), 422, 'invalid_request')
    }
  })

  it('holds what the largest of several caps may cost, times the choices', async () => {
    const held: number[] = []
    const target = await start({
      handler: () => {
        held.push(target.ledger.balance(account).held)
        return { ok: true }
      },
    })
    const holdOf = async (settings: object): Promise<number> => {
      target.expectPassed(await target.send({ body: { model: 'cheap', ...settings } }))
      return held.at(-1) ?? NaN
    }
    const { output } = prices.cheap
    const most = { max_completion_tokens: 1_000_000 }
    expect(await holdOf(most)).toBeGreaterThanOrEqual(output)
    for (const settings of [
      { max_tokens: 1, ...most },
      { ...most, max_tokens: 1 },
      { max_tokens: 1, max_completion_tokens: 2, max_output_tokens: 1_000_000 },
      { max_tokens: 1, generationConfig: { maxOutputTokens: 1_000_000 } },
      { max_tokens: 1, generation_config: { max_output_tokens: 1_000_000 } },
    ]) {
      expect(await holdOf(settings)).toBeGreaterThanOrEqual(output)
    }
    for (const settings of [
      { max_tokens: 1_000, n: 128 },
      { max_tokens: 1_000, best_of: 128, n: 1 },
      { max_tokens: 1_000, generationConfig: { candidateCount: 128 } },
      { max_tokens: 1_000, prompt: Array.from({ length: 128 }, () => 'x') },
    ]) {
      expect(await holdOf(settings)).toBeGreaterThanOrEqual((output * 128_000) / 1_000_000)
    }
    for (const settings of [{ logprobs: 1e308 }, { logprobs: -1 }, { top_logprobs: 1e9 }]) {
      expect(await holdOf({ max_tokens: 1, ...settings })).toBeGreaterThan(0)
    }
  })

  it.each([
    'a=1&a=2',
    '__proto__[isAdmin]=1',
    '?__proto__[isAdmin]=1',
    'constructor[prototype][isAdmin]=1',
    '__proto__.isAdmin=1',
    'model=dear',
    'a[0]=1&a[1]=2&a[999999]=3',
    `${'a['.repeat(200)}=1`,
    'a=1&'.repeat(3_000),
    '%',
    '%zz=%zz',
    '%00',
    '=',
    '&&&&',
  ])('is not moved by the query ?%s', async (query) => {
    const target = await start()
    target.expectPassed(await target.send({ path: `${chat}?${query}` }))
    expect(bodySeen(target)).toEqual(chatBody())
  })

  it('does not follow a body into its 10,000th list', async () => {
    const target = await start({ bodyLimitBytes: 2_000_000 })
    for (const body of [
      deep('[', ']', 65),
      deep('[', ']', 10_000),
      deep('{"a":', '}', 10_000),
      deep('[{"content":', '}]', 50_000),
      deep('{"parts":[', ']}', 50_000),
    ]) {
      target.expectRefused(await target.send({ body }), 400, 'invalid_request')
    }
    // With a name that makes some parsers walk through all of it.
    for (const name of ['__proto__', 'constructor']) {
      const body = deep(`{"${name}":`, '}', 20_000)
      target.expectRefused(await target.send({ body }), 400)
    }
    const unclosed = `{"model":"cheap","messages":${'['.repeat(100_000)}`
    target.expectRefused(await target.send({ body: unclosed }), 400, 'bad_request_body')
  })

  it('does not count 200,000 values', async () => {
    const target = await start({ bodyLimitBytes: 4_000_000 })
    const many = Array.from({ length: 200_000 }, (_, index) => `"k${index}":""`)
    const body = `{"model":"cheap",${many.join(',')}}`
    target.expectRefused(await target.send({ body }), 400, 'invalid_request')
    const list = JSON.stringify(chatBody({ input: Array.from({ length: 200_000 }, () => '') }))
    target.expectRefused(await target.send({ body: list }), 400, 'invalid_request')
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('inflates no %s bomb beyond the limit', async (encoding, compress) => {
    const target = await start({ bodyLimitBytes: 20_000 })
    const bomb = compress(`{"model":"cheap","a":"${' '.repeat(10_000_000)}"}`)
    expect(bomb.length).toBeLessThan(20_000)
    const headers = { 'content-encoding': encoding }
    const answer = await target.send({ body: bomb, headers })
    // Fastify inflates nothing, so to it these are no JSON.
    target.expectRefused(answer, harness.name === 'fastify' ? [400, 415] : 413)
    const broken = compress(JSON.stringify(chatBody())).subarray(0, 40)
    target.expectRefused(await target.send({ body: broken, headers }), [400, 415])
    const plain = await target.send({ headers })
    if (harness.name === 'fastify') target.expectPassed(plain)
    else target.expectRefused(plain, [400, 415], 'bad_request_body')
  })

  it('refuses deflated bytes that need a dictionary nobody has', async () => {
    const target = await start()
    const body = Buffer.from([0x78, 0xbb, 0, 0, 0, 1, 1, 2, 3])
    const headers = { 'content-encoding': 'deflate' }
    target.expectRefused(await target.send({ body, headers }), 400, 'bad_request_body')
  })

  it.each(['br', 'zstd', 'compress', 'x-gzip', 'gzip, gzip', 'gzip, identity', 'nonsense', ','])(
    'refuses gzip that is sent as %s',
    async (encoding) => {
      const target = await start()
      const body = gzipSync(JSON.stringify(chatBody({ model: 'dear' })))
      const headers = { 'content-encoding': encoding }
      const answer = await target.send({ body, headers })
      target.expectRefused(answer, [400, 415], 'bad_request_body')
    },
  )

  it('prices a form where the parser takes one as the handler sees it', async () => {
    const target = await start()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = 'model=cheap&model=dear&max_tokens=1'
    target.expectRefused(await target.send({ body, headers }), [400, 415])
    const proto = 'model=cheap&__proto__[isAdmin]=1&constructor[prototype][isAdmin]=1'
    const answer = await target.send({ body: proto, headers })
    target.expectPassedOrRefused(answer, [400, 415])
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined()
  })

  it('asks for nothing in the body of methods that have none, and charges nothing', async () => {
    const target = await start()
    const answer = await target.send({
      method: 'GET',
      path: '/v1/models',
      body: '{"model":"dear"}',
      headers: bearer(target),
    })
    target.expectPassedOrRefused(answer, 400)
    expect(target.ledger.balance(account).settled).toBe(0)
  })
})
