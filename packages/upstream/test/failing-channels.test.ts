import { once } from 'node:events'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import {
  answer,
  answerHead,
  chunk,
  json,
  sseEvent,
  sseHead,
  type ScriptedUpstream,
  type UpstreamStep,
} from '@lazu/testkit'
import type { ChannelOptions } from '@lazu/upstream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { scripted, startGateway, type TestGateway } from './gateway.js'

const good = json({
  object: 'chat.completion',
  choices: [],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
})

/** Whatever an upstream says that nobody may read. */
const canary = 'CANARY'

/** What the lazu dialect promises of each condition: status, type, code, and whether to try again. */
const contract = {
  body_malformed: [400, 'invalid_request_error', 'bad_request_body', false],
  channel_key_invalid: [502, 'upstream_error', 'upstream_error', false],
  upstream_bad_response: [502, 'upstream_error', 'upstream_error', true],
  upstream_empty_response: [502, 'upstream_error', 'upstream_error', true],
  upstream_read_failed: [502, 'upstream_error', 'upstream_network_error', true],
  upstream_rejected: [502, 'upstream_error', 'upstream_error', 'as the upstream'],
  upstream_unavailable: [503, 'upstream_error', 'upstream_error', true],
  upstream_unreachable: [502, 'upstream_error', 'upstream_network_error', true],
} as const

interface Case {
  readonly step: UpstreamStep
  readonly condition: keyof typeof contract
  /** Whether another channel may do better. */
  readonly retried: boolean
  /** Of `upstream_rejected`: whether the client may try again. */
  readonly mayPass?: boolean
  /** The Retry-After a client gets. */
  readonly retryAfter?: string
}

const told = { 'x-request-id': canary, 'retry-after': '7' }
const error = (status: number): UpstreamStep =>
  json({ error: { message: canary } }, { status, headers: told })

const cases: Readonly<Record<string, Case>> = {
  'a reset before the head': {
    step: (call) => call.reset(),
    condition: 'upstream_unreachable',
    retried: true,
  },
  'an end before the head': {
    step: (call) => call.end(),
    condition: 'upstream_unreachable',
    retried: true,
  },
  'bytes that are no HTTP': {
    step: `${canary} is no HTTP\r\n\r\n`,
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a head of 10 MB': {
    step: async (call) => {
      await call.write(`HTTP/1.1 200 OK\r\n`)
      const line = `x-long: ${canary.repeat(1_000)}\r\n`
      for (let sent = 0; sent < 10_000_000 && !call.isGone; sent += line.length) {
        await call.write(line)
      }
    },
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a head and no body': {
    step: async (call) => {
      await call.write(
        answerHead(200, { 'content-type': 'application/json', 'content-length': '9' }),
      )
      call.end()
    },
    condition: 'upstream_read_failed',
    retried: true,
  },
  'half a JSON that ends': {
    step: answer(200, { 'content-type': 'application/json' }, `{"id":"${canary}`),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'half a JSON that breaks off': {
    step: async (call) => {
      await call.write(
        answerHead(200, { 'content-type': 'application/json', 'content-length': '99' }),
      )
      await call.write(`{"id":"${canary}`)
      call.reset()
    },
    condition: 'upstream_read_failed',
    retried: true,
  },
  'a body that is no HTTP any more': {
    step: async (call) => {
      const type = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
      await call.write(`${answerHead(200, type)}${chunk('{').toString()}${canary}\r\n`)
    },
    condition: 'upstream_read_failed',
    retried: true,
  },
  'half an event first': {
    step: async (call) => {
      await call.write(sseHead() + chunk(`data: {"id":"${canary}`).toString())
      call.end()
    },
    condition: 'upstream_read_failed',
    retried: true,
  },
  'an error event first': {
    step: async (call) => {
      const event = sseEvent({ data: { error: { message: canary, type: 'overloaded_error' } } })
      await call.write(sseHead() + chunk(event).toString())
    },
    condition: 'upstream_unavailable',
    retried: true,
  },
  'an error in a 200': {
    step: json({ error: { message: canary, type: 'server_error' } }),
    condition: 'upstream_rejected',
    retried: true,
    mayPass: true,
  },
  'a stream with nothing in it': {
    step: sseHead() + '0\r\n\r\n',
    condition: 'upstream_empty_response',
    retried: true,
  },
  'a 204': {
    step: answerHead(204),
    condition: 'upstream_empty_response',
    retried: true,
  },
  'JSON with nothing in it': {
    step: json(''),
    condition: 'upstream_empty_response',
    retried: true,
  },
  'a 200 with HTML': {
    step: answer(200, { 'content-type': 'text/html' }, `<h1>${canary}</h1>`),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a 200 of no type': {
    step: answer(200, {}, canary),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a 200 of a type that is not passed on': {
    step: answer(200, { 'content-type': 'application/x-jsonl' }, canary),
    condition: 'upstream_bad_response',
    retried: false,
  },
  'a redirect': {
    step: answer(302, { location: `http://127.0.0.1:1/${canary}` }),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a gzip bomb': {
    step: answer(
      200,
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      gzipSync(Buffer.alloc(100_000_000, ' ')),
    ),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a coding nobody knows': {
    step: answer(200, { 'content-type': 'application/json', 'content-encoding': 'rot13' }, '{}'),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a body that is packed twice': {
    step: answer(
      200,
      { 'content-type': 'audio/mpeg', 'content-encoding': 'gzip', 'Content-Encoding': 'gzip' },
      gzipSync(gzipSync(canary)),
    ),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a body of two types': {
    step: answer(
      200,
      { 'content-type': 'application/json', 'Content-Type': 'application/json' },
      JSON.stringify({ id: canary }),
    ),
    condition: 'upstream_bad_response',
    retried: true,
  },
  'a 400': { step: error(400), condition: 'body_malformed', retried: false },
  'a 401': { step: error(401), condition: 'channel_key_invalid', retried: true },
  'a 402': { step: error(402), condition: 'upstream_rejected', retried: true, mayPass: false },
  'a 403': { step: error(403), condition: 'channel_key_invalid', retried: true },
  'a 404': { step: error(404), condition: 'upstream_rejected', retried: false, mayPass: false },
  'a 409': { step: error(409), condition: 'upstream_rejected', retried: false, mayPass: false },
  'a 413': { step: error(413), condition: 'upstream_rejected', retried: false, mayPass: false },
  'a 422': { step: error(422), condition: 'body_malformed', retried: false },
  'a 429': { step: error(429), condition: 'upstream_unavailable', retried: true, retryAfter: '7' },
  'a 500': { step: error(500), condition: 'upstream_rejected', retried: true, mayPass: true },
  'a 502': { step: error(502), condition: 'upstream_rejected', retried: true, mayPass: true },
  'a 503': { step: error(503), condition: 'upstream_unavailable', retried: true, retryAfter: '7' },
  'a 529': { step: error(529), condition: 'upstream_unavailable', retried: true, retryAfter: '7' },
}

describe.each(Object.entries(cases))('a channel that answers with %s', (_, expected) => {
  const body = { model: 'm', messages: [], stream: true }

  it('is told as its condition, costs nothing, and leaves nothing behind', async () => {
    const upstream = await scripted()
    upstream.script(expected.step)
    const gateway = await startGateway({
      channels: [{ name: 'one', url: upstream.url, key: `sk-${canary}` }],
    })
    const response = await gateway.post(body)
    const text = await response.text()
    const [status, type, code, retry] = contract[expected.condition]
    expect(response.status).toBe(status)
    expect(JSON.parse(text)).toMatchObject({
      error: { type, code, request_id: response.headers.get('x-request-id') },
    })
    expect(response.headers.get('retry-after')).toBe(expected.retryAfter ?? null)
    const mayPass = retry === 'as the upstream' ? expected.mayPass : retry
    // A client that goes by the status tries a 5xx again, and no 4xx.
    const isTold = status >= 500 && mayPass === false
    expect(response.headers.get('x-should-retry')).toBe(isTold ? 'false' : null)
    expect(gateway.failures).toMatchObject([
      { channel: 'one', condition: expected.condition, triesAnother: false },
    ])
    await expectNothingLeft(gateway, upstream)
    expect(gateway.ledger.balance('acme').settled).toBe(0)
    expect(upstream.accepted).toBe(1)
    expect(upstream.requests).toHaveLength(1)
    const shown = [text, [...response.headers], gateway.log, gateway.failures, gateway.broken]
    expect(JSON.stringify(shown)).not.toContain(canary)
    expect(JSON.stringify(shown)).not.toContain(String(upstream.port))
  })

  it(`is ${expected.retried ? 'made good by' : 'not tried again at'} another one`, async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(expected.step)
    second.script(good)
    const gateway = await startGateway({
      channels: [
        { name: 'one', url: first.url, key: 'k' },
        { name: 'two', url: second.url, key: 'k' },
      ],
    })
    const response = await gateway.post(body)
    const [status] = contract[expected.condition]
    expect(response.status).toBe(expected.retried ? 200 : status)
    expect(first.requests).toHaveLength(1)
    expect(second.requests).toHaveLength(expected.retried ? 1 : 0)
    expect(gateway.failures).toMatchObject([{ channel: 'one', triesAnother: expected.retried }])
    await expectNothingLeft(gateway, first, second)
    // What the good one used: a token of output.
    expect(gateway.ledger.balance('acme').settled).toBe(expected.retried ? 2 : 0)
  })
})

/** No reservation, no timer, no connection but those that are kept for the next requests. */
async function expectNothingLeft(
  gateway: TestGateway,
  ...upstreams: readonly ScriptedUpstream[]
): Promise<void> {
  await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
  expect(gateway.clock.waiting).toBe(0)
  await gateway.upstream.close()
  await vi.waitFor(() => expect(upstreams.map(({ open }) => open)).toEqual(upstreams.map(() => 0)))
}

it.each([301, 302, 303, 307, 308])('follows no redirect to another host: %s', async (status) => {
  const [upstream, elsewhere] = [await scripted(), await scripted()]
  upstream.script(answer(status, { location: `${elsewhere.url}/v1/${canary}` }))
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: `sk-${canary}` }],
  })
  const response = await gateway.post({ model: 'm', messages: [] })
  expect(response.status).toBe(502)
  expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain(canary)
  expect(upstream.requests).toHaveLength(1)
  expect(elsewhere.accepted).toBe(0)
  await expectNothingLeft(gateway, upstream)
})

describe('a channel that cannot be reached', () => {
  const unreachable: Readonly<Record<string, () => Promise<ChannelOptions>>> = {
    'refuses the connection': async () => {
      const upstream = await scripted()
      await upstream.refuse()
      return { name: 'one', url: upstream.url, key: 'k' }
    },
    'has a name that is not there': () =>
      Promise.resolve({ name: 'one', url: 'http://nowhere.invalid', key: 'k' }),
    'has a certificate nobody trusts': async () => {
      const upstream = await scripted({ tls: true })
      return { name: 'one', url: upstream.url, key: 'k' }
    },
    'speaks no TLS': async () => {
      const server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
      onTestFinished(() => void server.close())
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      return { name: 'one', url: `https://127.0.0.1:${address.port}`, key: 'k' }
    },
  }

  it.each(Object.entries(unreachable))('since it %s', async (_, channel) => {
    const other = await scripted()
    other.script(good)
    const one = await channel()
    const gateway = await startGateway({
      channels: [one, { name: 'two', url: other.url, key: 'k' }],
    })
    expect((await gateway.post({ model: 'm', messages: [] })).status).toBe(200)
    expect(gateway.failures).toMatchObject([
      { channel: 'one', condition: 'upstream_unreachable', triesAnother: true },
    ])
    const alone = await startGateway({ channels: [one] })
    const response = await alone.post({ model: 'm', messages: [] })
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      error: { type: 'upstream_error', code: 'upstream_network_error' },
    })
    await expectNothingLeft(alone)
    expect(alone.ledger.balance('acme').settled).toBe(0)
    expect(alone.log.join()).toMatch(/channel \\"one\\": [a-z ]+ \([A-Z_]+\)/)
    expect(alone.log.join()).not.toContain('127.0.0.1:')
  })
})
