import { Readable } from 'node:stream'
import { STATUS_CODES } from 'node:http'
import {
  catalogue,
  dialects,
  isCondition,
  type CommonOptions,
  type DialectName,
  type GatewayOptions,
} from '@lazu/core'
import { FakeClock, type Harness } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { harnesses } from './contracts/frameworks.js'
import { jsonOf, send, type Json, type Received } from './contracts/http.js'
import { serve } from './serve.js'

const problemJson = 'application/problem+json'

async function start(harness: Harness, options: GatewayOptions, errors: CommonOptions = {}) {
  const server = await serve(harness, {
    gateway: {
      clock: new FakeClock(),
      logger: { error: () => {}, warn: () => {} },
      models: ['gpt-5'],
      ...options,
    },
    errors,
    routes: {
      'GET /v1/ok': () => ({ ok: true }),
      'POST /v1/chat': () => ({ ok: true }),
      'POST /v1/messages': () => ({ ok: true }),
      'POST /v1beta/chat': () => ({ ok: true }),
      'GET /v1/fail': ({ lazu, raw }) => {
        const condition = raw.request.headers['x-condition']
        if (!isCondition(condition)) throw new Error('SECRET')
        const details = { status_code: 404 }
        return lazu.fail(condition, { param: 'file', details, retryAfterMs: 2_500 })
      },
      'GET /v1/stream': ({ stream }) =>
        stream(
          Readable.from(
            (async function* () {
              yield 'data: 1\n\n'
              await new Promise((resolve) => setImmediate(resolve))
              throw new Error('SECRET')
            })(),
          ),
        ),
    },
  })
  return (target: string, headers: Record<string, string> = {}, body?: unknown) =>
    send(server, target, { headers: { accept: problemJson, ...headers }, body })
}

/** The members of a problem that every answer's has. */
function expectProblem(answer: Received): Json {
  expect(answer.headers.get('content-type')).toBe(`${problemJson}; charset=utf-8`)
  const problem = jsonOf(answer)
  const quota = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
  expect(problem).toMatchObject({
    type: answer.status === 429 ? quota : 'about:blank',
    title: answer.status === 429 ? 'Quota Exceeded' : STATUS_CODES[answer.status],
    status: answer.status,
    detail: expect.stringMatching(/./),
    code: expect.stringMatching(/./),
    request_id: answer.headers.get('x-request-id'),
  })
  expect(problem).not.toHaveProperty('error')
  return problem
}

/** No problem, but the envelope of the protocol. */
function expectEnvelope(answer: Received): void {
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(jsonOf(answer)).toHaveProperty('error')
  expect(jsonOf(answer)).not.toHaveProperty('title')
}

describe.each(harnesses)('problem details on $name', (harness) => {
  it.each([
    problemJson,
    'Application/Problem+JSON',
    `${problemJson}; charset=utf-8`,
    `application/json, ${problemJson};q=0.1`,
    `text/html;q=1.0,${problemJson};q=0.001 , */*`,
    `${problemJson};q=1`,
  ])('are given for Accept: %s', async (accept) => {
    const ask = await start(harness, { problemJson: true })
    const problem = expectProblem(await ask('GET /v1/nothing', { accept }))
    expect(problem).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'There is nothing at GET /v1/nothing.',
      code: 'route_not_found',
      request_id: problem['request_id'],
    })
  })

  it.each([
    '*/*',
    'application/*',
    'application/json',
    'application/problem+xml',
    'application/problem',
    'application/problem+jsonx',
    'x-application/problem+json',
    `${problemJson};q=0`,
    `${problemJson} ; q=0`,
    `${problemJson};Q=0.0`,
    `application/json, ${problemJson};charset=utf-8;q=0.000`,
    `text/plain;format="${problemJson}"`,
    ',;,=;q',
    `${', '.repeat(500)}${problemJson}`,
  ])('are not given for Accept: %s', async (accept) => {
    const ask = await start(harness, { problemJson: true })
    expectEnvelope(await ask('GET /v1/nothing', { accept }))
  })

  it('are off unless they are switched on', async () => {
    const unsaid = await start(harness, {})
    expectEnvelope(await unsaid('GET /v1/nothing'))
    const off = await start(harness, { problemJson: false })
    expectEnvelope(await off('GET /v1/nothing'))
  })

  it('can be switched on for the errors alone', async () => {
    const server = await serve(harness, {
      errors: { problemJson: true },
      // Where no route takes it, too, the handler of errors is the one that knows.
      guards: { before: [{ name: 'lazuRequestId', options: { problemJson: true } }] },
      routes: {},
    })
    expectProblem(await send(server, 'GET /nothing', { headers: { accept: problemJson } }))
    expectEnvelope(await send(server, 'GET /nothing'))
  })

  it.each(Object.values(dialects))('say every condition of $name', async (dialect) => {
    const ask = await start(harness, { dialect, problemJson: true })
    for (const { condition, status, code, retry } of catalogue(dialect)) {
      const answer = await ask('GET /v1/fail', { 'x-condition': condition })
      expect(answer.status).toBe(status)
      const problem = expectProblem(answer)
      expect(problem).toMatchObject({ code, param: 'file', details: { status_code: 404 } })
      expect(answer.headers.get('retry-after')).toBe('3')
      // The upstream's own status is one that stays as it is.
      const retryable = retry !== 'no' && retry !== '5xx'
      const hints = { retryable, retry_after: 3 }
      expect(problem).toMatchObject(dialect.hints ? hints : {})
      expect('retryable' in problem).toBe(dialect.hints)
    }
  })

  it('are the same on the routes of every protocol', async () => {
    for (const dialect of Object.keys(dialects) as DialectName[]) {
      const ask = await start(harness, { dialect, problemJson: true })
      for (const path of ['/v1/chat', '/v1/messages', '/v1beta/chat']) {
        const body = { model: 'gpt-6' }
        expectProblem(await ask(`POST ${path}`, {}, body))
        expectEnvelope(await ask(`POST ${path}`, { accept: '*/*' }, body))
      }
    }
  })

  it('are given for what the framework itself finds wrong', async () => {
    const ask = await start(harness, { problemJson: true })
    const malformed = await ask('POST /v1/chat', {}, '{"model":')
    expect(expectProblem(malformed)).toMatchObject({ status: 400, code: 'bad_request_body' })
    const tooLarge = await ask('POST /v1/chat', {}, { model: 'x'.repeat(200_000) })
    expect(expectProblem(tooLarge)).toMatchObject({ status: 413, code: 'payload_too_large' })
  })

  it('have the hints at the top, and nothing of a cause', async () => {
    const ask = await start(harness, { problemJson: true, hints: true })
    const unknown = expectProblem(await ask('POST /v1/chat', {}, { model: 'gtp-5' }))
    expect(unknown).toMatchObject({
      code: 'model_not_found',
      param: 'model',
      did_you_mean: 'gpt-5',
      suggestions: ['gpt-5'],
      retryable: false,
    })
    const failed = await ask('GET /v1/fail')
    expect(expectProblem(failed)).toMatchObject({ status: 500, detail: 'Internal server error.' })
    expect(failed.text).not.toContain('SECRET')
  })

  it('tell the rule that refused, and how long to wait', async () => {
    const ask = await start(harness, { problemJson: true, limits: { rpm: 20, burst: 1 } })
    expect((await ask('GET /v1/ok')).status).toBe(200)
    const refused = await ask('GET /v1/ok')
    expect(expectProblem(refused)).toMatchObject({
      status: 429,
      detail: 'Request rate limit exceeded (20/min)',
      details: { rule: 'rpm', limit: 20 },
    })
    expect(refused.headers.get('retry-after')).toBe('3')
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  })

  it('leave an answer that is no error as it is', async () => {
    const ask = await start(harness, { problemJson: true })
    const passed = await ask('GET /v1/ok')
    expect([passed.status, jsonOf(passed)]).toEqual([200, { ok: true }])
    expect(passed.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  it('end a stream that breaks', async () => {
    const ask = await start(harness, { problemJson: true })
    const { status, text } = await ask('GET /v1/stream')
    expect(status).toBe(200)
    const last = text.trim().split('\n\n').at(-1) ?? ''
    expect(JSON.parse(last.replace(/^data: /, ''))).toMatchObject({
      type: 'about:blank',
      status: 500,
      code: 'internal_error',
    })
    expect(text).not.toContain('SECRET')
  })
})
