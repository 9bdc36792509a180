import { createKeys, GatewayError, MemoryLedger, type MadeKey } from '@lazu/core'
import { FakeClock, type App, type Harness, type RunningApp } from '@lazu/testkit'
import createError from 'http-errors'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { expressHarness } from '../packages/express/test/harness.js'
import { fastifyHarness } from '../packages/fastify/test/harness.js'
import { koaHarness } from '../packages/koa/test/harness.js'

const harnesses: readonly Harness[] = [expressHarness, koaHarness, fastifyHarness]

/** The keys a request may come with. */
type KeyName = 'good' | 'poor' | 'narrow' | 'elsewhere' | 'disabled' | 'expired' | 'small' | 'bad'

interface Row {
  readonly name: string
  readonly target: string
  readonly key?: KeyName
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Status, code and param; the code of an answer that is no error is undefined. */
  readonly expected: readonly [status: number, code?: string, param?: string]
}

const chat = 'POST /v1/chat'
const good = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 10 }

/** One after the other, so that limits and balances count, too. */
const rows: readonly Row[] = [
  { name: 'a good request', target: chat, key: 'good', body: good, expected: [200] },
  { name: 'a good request without a body', target: 'GET /v1/models', key: 'good', expected: [200] },
  { name: 'no key', target: chat, body: good, expected: [401, 'invalid_api_key'] },
  {
    name: 'an unknown key',
    target: chat,
    key: 'bad',
    body: good,
    expected: [401, 'invalid_api_key'],
  },
  {
    name: 'a disabled key',
    target: chat,
    key: 'disabled',
    body: good,
    expected: [403, 'token_disabled'],
  },
  {
    name: 'an expired key',
    target: chat,
    key: 'expired',
    body: good,
    expected: [401, 'token_expired'],
  },
  {
    name: 'a key of another network',
    target: chat,
    key: 'elsewhere',
    body: good,
    expected: [403, 'ip_not_allowed'],
  },
  {
    name: 'a key of another network, and a header that says it is there',
    target: chat,
    key: 'elsewhere',
    body: good,
    headers: { 'x-forwarded-for': '10.0.0.1' },
    expected: [403, 'ip_not_allowed'],
  },
  { name: 'no route and no key', target: 'GET /nothing', expected: [401, 'invalid_api_key'] },
  {
    name: 'no route',
    target: 'GET /v1/nothing?a=b',
    key: 'good',
    expected: [404, 'route_not_found'],
  },
  {
    name: 'no such method',
    target: 'PUT /v1/chat',
    key: 'good',
    body: good,
    expected: [404, 'route_not_found'],
  },
  { name: 'no body', target: chat, key: 'good', expected: [400, 'bad_request_body'] },
  {
    name: 'an empty body',
    target: chat,
    key: 'good',
    body: '',
    expected: [400, 'bad_request_body'],
  },
  {
    name: 'no JSON',
    target: chat,
    key: 'good',
    body: '{"model',
    expected: [400, 'bad_request_body'],
  },
  {
    name: 'JSON that is no object',
    target: chat,
    key: 'good',
    body: '[1]',
    expected: [400, 'bad_request_body'],
  },
  { name: 'null', target: chat, key: 'good', body: 'null', expected: [400, 'bad_request_body'] },
  {
    name: 'another media type',
    target: chat,
    key: 'good',
    body: 'model=m',
    headers: { 'content-type': 'text/plain' },
    expected: [415, 'bad_request_body'],
  },
  {
    name: 'a large body',
    target: chat,
    key: 'good',
    body: { ...good, messages: [{ role: 'user', content: 'x'.repeat(5_000) }] },
    expected: [413, 'payload_too_large'],
  },
  {
    name: 'a field missing',
    target: chat,
    key: 'good',
    body: { ...good, messages: [{ role: 'user' }] },
    expected: [400, 'missing_required_parameter', 'messages[0].content'],
  },
  {
    name: 'a wrong type',
    target: chat,
    key: 'good',
    body: { ...good, model: 1 },
    expected: [400, 'invalid_request', 'model'],
  },
  {
    name: 'out of bounds',
    target: chat,
    key: 'good',
    body: { ...good, n: 99 },
    expected: [422, 'invalid_request', 'n'],
  },
  {
    name: 'an unknown field',
    target: chat,
    key: 'good',
    body: { ...good, evil: 1 },
    expected: [400, 'invalid_request', 'evil'],
  },
  {
    name: 'an unknown model',
    target: chat,
    key: 'good',
    body: { ...good, model: 'x' },
    expected: [404, 'model_not_found', 'model'],
  },
  {
    name: "a model the key hasn't",
    target: chat,
    key: 'narrow',
    body: good,
    expected: [404, 'model_not_found', 'model'],
  },
  {
    name: 'a cap that is none',
    target: chat,
    key: 'good',
    body: { ...good, max_tokens: -1 },
    expected: [422, 'invalid_request', 'max_tokens'],
  },
  {
    name: 'more tokens than a minute has',
    target: chat,
    key: 'good',
    body: { ...good, max_tokens: 9_000_000 },
    expected: [400, 'invalid_request'],
  },
  {
    name: 'no money',
    target: chat,
    key: 'poor',
    body: good,
    expected: [403, 'insufficient_quota'],
  },
  { name: 'the first of one a minute', target: chat, key: 'small', body: good, expected: [200] },
  {
    name: 'the second of it',
    target: chat,
    key: 'small',
    body: good,
    expected: [429, 'request_rate_limit_exceeded'],
  },
  {
    name: 'a handler that throws',
    target: 'GET /throw/error',
    key: 'good',
    expected: [500, 'internal_error'],
  },
  {
    name: 'a handler that throws null',
    target: 'GET /throw/null',
    key: 'good',
    expected: [500, 'internal_error'],
  },
  {
    name: 'an http-error',
    target: 'GET /throw/409',
    key: 'good',
    expected: [409, 'invalid_request'],
  },
  {
    name: 'a ZodError',
    target: 'GET /throw/zod',
    key: 'good',
    expected: [400, 'missing_required_parameter', 'model'],
  },
  {
    name: 'a GatewayError',
    target: 'GET /throw/ours',
    key: 'good',
    expected: [404, 'file_not_found', 'id'],
  },
  { name: 'a good request at the end', target: chat, key: 'good', body: good, expected: [200] },
]

const schema = z.strictObject({
  model: z.string(),
  messages: z.array(z.strictObject({ role: z.string(), content: z.string() })),
  max_tokens: z.int().optional(),
  n: z.int().max(8).optional(),
})

const thrown: Readonly<Record<string, () => unknown>> = {
  error: () => new Error('SECRET'),
  null: () => null,
  '409': () => createError(409, 'There is one already.'),
  zod: () => schema.pick({ model: true }).safeParse({}).error,
  ours: () => new GatewayError('file_not_found', { param: 'id' }),
}

describe('the same requests', () => {
  it('are decided alike in every framework', async () => {
    const expected = rows.map(({ name, expected: [status, code, param] }) => ({
      name,
      status,
      code,
      param: code === undefined ? undefined : (param ?? null),
    }))
    for (const harness of harnesses) {
      expect(await decisions(harness), harness.name).toEqual(expected)
    }
  })
})

function ignore(): void {}

/** Runs all requests on a new app. */
async function decisions(harness: Harness): Promise<object[]> {
  const clock = new FakeClock()
  const keys = createKeys({ clock })
  const ledger = new MemoryLedger({ clock })
  ledger.credit('acme', 1_000_000, 'credit')
  const make = async (settings: object): Promise<MadeKey> =>
    keys.create({ account: 'acme', name: 'test', ...settings })
  const disabled = await make({})
  await keys.disable(disabled.record.id)
  const secrets: Readonly<Record<KeyName, string>> = {
    good: (await make({})).key,
    poor: (await make({ account: 'poor' })).key,
    narrow: (await make({ models: ['other'] })).key,
    elsewhere: (await make({ allow: ['10.0.0.0/8'] })).key,
    disabled: disabled.key,
    expired: (await make({ expiresAtMs: clock.wallMs() + 1 })).key,
    small: (await make({ limits: { rpm: 1 } })).key,
    bad: `${disabled.key}x`,
  }
  clock.advance(1)
  const app: App = {
    bodyLimitBytes: 4_000,
    gateway: {
      clock,
      keys,
      ledger,
      prices: { m: { input: 1_000_000, output: 1_000_000 } },
      models: ['m', 'other'],
      limits: { rpm: 1_000, tpm: 100_000, concurrency: 10 },
      validate: { 'POST /v1/chat': schema },
      timeout: '30s',
      logger: { error: ignore, warn: ignore },
    },
    routes: {
      'POST /v1/chat': ({ lazu }) => (lazu.charge({ input_tokens: 1, output_tokens: 1 }), {}),
      'GET /v1/models': () => ({ data: [] }),
      ...Object.fromEntries(
        Object.entries(thrown).map(([name, makeThrown]) => [
          `GET /throw/${name}`,
          () => Promise.reject(makeThrown()),
        ]),
      ),
    },
  }
  const server = await harness.start(app)
  onTestFinished(() => server.close())
  const decided: object[] = []
  for (const row of rows)
    decided.push({ name: row.name, ...(await decision(server, row, secrets)) })
  return decided
}

async function decision(
  server: RunningApp,
  { target, key, body, headers }: Row,
  secrets: Readonly<Record<KeyName, string>>,
): Promise<object> {
  const [method = '', path = ''] = target.split(' ')
  const sent = new Headers(headers)
  if (key !== undefined) sent.set('authorization', `Bearer ${secrets[key]}`)
  const init: RequestInit = { method, headers: sent }
  if (body !== undefined) {
    if (!sent.has('content-type')) sent.set('content-type', 'application/json')
    init.body = typeof body === 'string' ? body : JSON.stringify(body)
  }
  const response = await fetch(server.url + path, init)
  const { error }: { error?: { code: string; param: string | null } } = JSON.parse(
    await response.text(),
  )
  return { status: response.status, code: error?.code, param: error?.param }
}
