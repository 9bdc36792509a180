import { PassThrough, Readable } from 'node:stream'
import {
  createKeys,
  MemoryLedger,
  type NewKey,
  type RequestLog,
  type RequestRecord,
} from '@lazu/core'
import { FakeClock, type App, type Handler, type Harness } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { harnesses } from './contracts/frameworks.js'

/** Keeps what it was given. */
class ListLog implements RequestLog {
  readonly records: RequestRecord[] = []

  record(record: RequestRecord): void {
    this.records.push(record)
  }

  find(requestId: string): RequestRecord | undefined {
    return this.records.find((record) => record.requestId === requestId)
  }
}

const good = { model: 'm', messages: [], max_tokens: 10 }
const timeoutMs = 30_000

const head = ['request-id', 'timeout', 'api-key', 'ip-allowlist', 'rate-limit']
const all = [...head, 'validate', 'model', 'token-limit', 'quota']

/** What a request was when it ended; a record says more. */
type Became = Pick<
  RequestRecord,
  'passed' | 'refusedBy' | 'status' | 'condition' | 'completed' | 'model'
>

const served: Became = {
  passed: all,
  refusedBy: undefined,
  status: 200,
  condition: undefined,
  completed: true,
  model: 'm',
}

interface Row {
  readonly name: string
  readonly path?: string
  /** What is special about its key; null for a request without one. */
  readonly key?: Partial<NewKey> | null
  /** Sent with the same key before. */
  readonly times?: number
  readonly body?: unknown
  /** What happens while the handler runs. */
  readonly meanwhile?: 'the time is over' | 'the client leaves'
  readonly became: Partial<Became & Pick<RequestRecord, 'limits'>>
}

const rows: readonly Row[] = [
  {
    name: 'a good request',
    times: 2,
    became: {
      limits: [{ rule: 'rpm', limit: 60, remaining: 58 }],
    },
  },
  { name: 'a stream', path: '/v1/stream', became: {} },
  {
    name: 'no key',
    key: null,
    became: {
      passed: head.slice(0, 2),
      refusedBy: 'api-key',
      status: 401,
      condition: 'api_key_missing',
      model: undefined,
      limits: [],
    },
  },
  {
    name: 'a key of another network',
    key: { allow: ['10.0.0.0/8'] },
    became: {
      passed: head.slice(0, 3),
      refusedBy: 'ip-allowlist',
      status: 403,
      condition: 'ip_not_allowed',
      model: undefined,
    },
  },
  {
    name: 'one request too many',
    key: { limits: { rpm: 1 } },
    times: 2,
    became: {
      passed: head.slice(0, 4),
      refusedBy: 'rate-limit',
      status: 429,
      condition: 'request_rate_limited',
      model: undefined,
      limits: [{ rule: 'rpm', limit: 1, remaining: 0 }],
    },
  },
  {
    name: 'a body that is no JSON',
    body: '{"model',
    became: { passed: head, status: 400, condition: 'body_malformed', model: undefined },
  },
  {
    name: 'a field missing',
    body: { model: 'm' },
    became: {
      passed: head,
      refusedBy: 'validate',
      status: 400,
      condition: 'parameter_missing',
      model: undefined,
    },
  },
  {
    name: 'an unknown model',
    body: { ...good, model: 'x' },
    became: {
      passed: all.slice(0, 6),
      refusedBy: 'model',
      status: 404,
      condition: 'model_not_found',
      model: 'x',
    },
  },
  {
    name: 'no money',
    key: { account: 'poor' },
    became: {
      passed: all.slice(0, 8),
      refusedBy: 'quota',
      status: 403,
      condition: 'insufficient_quota',
    },
  },
  {
    name: 'a handler that throws',
    path: '/v1/throw',
    became: { status: 500, condition: 'internal_error' },
  },
  {
    name: 'a handler that refuses',
    path: '/v1/fail',
    became: { status: 404, condition: 'file_not_found' },
  },
  {
    name: 'no route',
    path: '/v1/nothing',
    became: { status: 404, condition: 'route_not_found' },
  },
  {
    name: 'a stream that breaks off',
    path: '/v1/broken-stream',
    became: { condition: 'internal_error' },
  },
  {
    name: 'a handler that takes too long',
    path: '/v1/hang',
    meanwhile: 'the time is over',
    became: { refusedBy: 'timeout', status: 504, condition: 'request_timeout' },
  },
  {
    name: 'a stream that takes too long',
    path: '/v1/endless',
    meanwhile: 'the time is over',
    became: { refusedBy: 'timeout', condition: 'request_timeout' },
  },
  {
    name: 'a client that leaves in mid-stream',
    path: '/v1/endless',
    meanwhile: 'the client leaves',
    became: { completed: false },
  },
  {
    name: 'a client that leaves before the answer',
    path: '/v1/hang',
    meanwhile: 'the client leaves',
    became: { status: 499, completed: false },
  },
]

describe.each(harnesses)('the request log on $name', (harness) => {
  it.each(rows)('tells what became of $name, once', async (row) => {
    const { records, toldId } = await outcome(harness, row)
    const last = records.at(-1)
    expect(records).toHaveLength(row.times ?? 1)
    expect(last).toMatchObject({ ...served, ...row.became, clientAddress: '127.0.0.1' })
    // A client that left was told of no id.
    expect([last?.requestId, undefined]).toContain(toldId)
  })
})

/** What is in the log when a request is over and its server closed, and the id its client was told. */
async function outcome(
  harness: Harness,
  row: Row,
): Promise<{ readonly records: readonly RequestRecord[]; readonly toldId: string | undefined }> {
  const { key = {}, times = 1, body = good, path = '/v1/chat' } = row
  const clock = new FakeClock()
  const keys = createKeys({ clock })
  const ledger = new MemoryLedger({ clock })
  ledger.credit('acme', 1_000_000, 'credit')
  const log = new ListLog()
  let running = 0
  const server = await harness.start({
    gateway: {
      clock,
      keys,
      ledger,
      prices: { m: { input: 1_000_000, output: 1_000_000 } },
      models: ['m'],
      limits: { rpm: 60 },
      validate: z.object({ model: z.string(), messages: z.array(z.unknown()) }).loose(),
      timeout: timeoutMs,
      logger: { error() {}, warn() {} },
      requestLog: log,
    },
    routes: routes(() => running++),
  })
  const leaving = new AbortController()
  const headers = new Headers({ 'content-type': 'application/json' })
  if (key !== null) {
    const made = await keys.create({ account: 'acme', name: 'test', ...key })
    headers.set('authorization', `Bearer ${made.key}`)
  }
  const post = (): Promise<Response> =>
    fetch(server.url + path, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: leaving.signal,
    })
  try {
    for (let sent = 1; sent < times; sent++) await (await post()).text()
    const answer = post()
    const read = answer.then((response) => response.text()).catch(() => undefined)
    if (row.meanwhile !== undefined) {
      await vi.waitUntil(() => running === 1)
      // A stream is there as soon as its head is.
      if (path === '/v1/endless') await answer
      if (row.meanwhile === 'the client leaves') leaving.abort()
      else clock.advance(timeoutMs)
    }
    await read
    await vi.waitFor(() => expect(log.records).toHaveLength(times))
    const response = await answer.catch(() => undefined)
    return { records: log.records, toldId: response?.headers.get('x-request-id') ?? undefined }
  } finally {
    await server.close()
  }
}

/** Handlers for every way in which a request can end. `entered` is told of those that do not. */
function routes(entered: () => void): App['routes'] {
  const handlers: Readonly<Record<string, Handler>> = {
    chat: () => ({ ok: true }),
    throw: () => Promise.reject(new Error('broken')),
    fail: ({ lazu }) => lazu.fail('file_not_found'),
    stream: ({ stream }) => stream(Readable.from(['data: 1\n\n', 'data: 2\n\n'])),
    'broken-stream': ({ stream }) => stream(Readable.from(brokenEvents())),
    endless({ lazu, stream }) {
      entered()
      const source = new PassThrough()
      source.write('data: 1\n\n')
      lazu.signal.addEventListener('abort', () => source.end())
      return stream(source)
    },
    async hang({ lazu }) {
      entered()
      await new Promise((resolve) => lazu.signal.addEventListener('abort', resolve))
      throw lazu.signal.reason
    },
  }
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [`POST /v1/${name}`, handler]),
  )
}

async function* brokenEvents(): AsyncGenerator<string> {
  yield 'data: 1\n\n'
  // Behind the first event, so that the stream has begun.
  await new Promise((resolve) => setImmediate(resolve))
  throw new Error('broken')
}
