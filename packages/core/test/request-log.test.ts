import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createGateway,
  createKeys,
  GatewayError,
  guardPipeline,
  MemoryKeyStore,
  NodeExchange,
  type Guard,
  type GatewayOptions,
  type Keys,
  type RequestLog,
  type RequestRecord,
} from '@lazu/core'
import { FakeClock, listening } from '@lazu/testkit'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'

/** Keeps what it was given. */
class ListLog implements RequestLog {
  readonly records: RequestRecord[] = []

  record(record: RequestRecord): void {
    this.records.push(record)
  }

  find(requestId: string): RequestRecord | undefined {
    return this.records.findLast((record) => record.requestId === requestId)
  }
}

/** An exchange whose body is what a header says. */
class PlainExchange extends NodeExchange {
  override body(): unknown {
    return JSON.parse(decodeURIComponent(this.header('x-body') ?? '{}'))
  }
}

let log: ListLog
let clock: FakeClock
let keys: Keys

beforeEach(() => {
  log = new ListLog()
  clock = new FakeClock()
  keys = createKeys({ clock })
})

interface Asked {
  readonly path?: string
  readonly key?: string
  readonly body?: object
}

type Ask = (asked?: Asked) => Promise<Response>

/** A server of Node's own with a gateway before it; `ask` resolves when the response is over. */
async function start(
  options: GatewayOptions,
  handle: () => void = () => {},
  own: readonly Guard[] = [],
): Promise<Ask> {
  const { pipeline } = createGateway({ clock, requestLog: log, ...options })
  const ownPipeline = guardPipeline(own)
  let over = 0
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.once('close', () => over++)
    request.resume()
    const exchange = new PlainExchange(request, response, request.url ?? '/')
    if (!(await pipeline.enter(exchange)) || !(await ownPipeline.enter(exchange))) return
    handle()
    response.end('served')
  }
  const server = createServer((request, response) => void answer(request, response))
  const running = await listening(server.listen(0, '127.0.0.1'))
  onTestFinished(() => running.close())
  return async ({ path = '/v1/models', key, body } = {}) => {
    const before = over
    const headers = new Headers({ 'content-type': 'application/json' })
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
    if (body !== undefined) headers.set('x-body', encodeURIComponent(JSON.stringify(body)))
    const method = body === undefined ? 'GET' : 'POST'
    const response = await fetch(
      running.url + path,
      body === undefined ? { headers } : { method, headers },
    )
    await response.text()
    await vi.waitFor(() => expect(over).toBe(before + 1))
    return response
  }
}

async function makeKey(): Promise<string> {
  return (await keys.create({ account: 'acme', name: 'test' })).key
}

describe('a record', () => {
  it('tells what became of a request', async () => {
    const ask = await start({ keys, limits: { rpm: 60 } }, () => clock.advance(250))
    const atMs = clock.wallMs()
    const { key, record } = await keys.create({ account: 'acme', name: 'test' })
    const response = await ask({ path: '/v1/models?page=2', key })
    expect(log.records).toEqual([
      {
        requestId: response.headers.get('x-request-id'),
        clientRequestId: undefined,
        method: 'GET',
        path: '/v1/models',
        keyId: record.id,
        account: 'acme',
        clientAddress: '127.0.0.1',
        atMs,
        durationMs: 250,
        status: 200,
        completed: true,
        condition: undefined,
        passed: ['request-id', 'api-key', 'ip-allowlist', 'rate-limit', 'model', 'token-limit'],
        refusedBy: undefined,
        model: undefined,
        limits: [{ rule: 'rpm', limit: 60, remaining: 59 }],
      },
    ])
  })

  it('counts its time on, whatever happens to the system clock', async () => {
    const atMs = clock.wallMs()
    const ask = await start({ keys }, () => {
      clock.advance(40)
      clock.setWallMs(0)
    })
    await ask({ key: await makeKey() })
    expect(log.records).toMatchObject([{ atMs, durationMs: 40 }])
  })

  it('holds no key, wherever one was written', async () => {
    const key = await makeKey()
    const ask = await start({ keys, models: ['m'] })
    await ask({ path: `/v1/${key}/models`, key, body: { model: `m ${key}` } })
    await ask({ path: `/v1/models?key=${key}` })
    expect(log.records).toHaveLength(2)
    expect(log.records[0]?.model).toBe('m [redacted]')
    expect(JSON.stringify(log.records)).not.toContain(key.slice(8))
  })

  it('is small, however long a path is, and however long a model', async () => {
    const ask = await start({ keys, models: ['m'] })
    await ask({
      path: `/${'p'.repeat(2_000)}`,
      key: await makeKey(),
      body: { model: 'x'.repeat(256) },
    })
    const [record] = log.records
    expect(record?.path).toBe(`/${'p'.repeat(499)}`)
    expect(record?.model).toBe('x'.repeat(200))
  })

  it.each([
    ['halves of characters', 'a\ud800b', 'a\ufffdb'],
    ['a character at the cut', `${'x'.repeat(199)}\u{1f680}`, `${'x'.repeat(199)}\ufffd`],
  ])('has text that every store can keep: %s', async (_, model, expected) => {
    const ask = await start({ keys, models: ['m'] })
    await ask({ key: await makeKey(), body: { model } })
    expect(log.records[0]?.model).toBe(expected)
  })
})

describe('the guards of a record', () => {
  const error = new GatewayError('access_denied')

  it('are told as well when they had to wait', async () => {
    const store = new MemoryKeyStore()
    const waitingKeys = createKeys({
      clock,
      store: {
        findByDigest: async (digest) => store.findByDigest(digest),
        get: (id) => store.get(id),
        insert: (key) => store.insert(key),
        replace: (key) => store.replace(key),
        list: (page) => store.list(page),
      },
    })
    const ask = await start({ keys: waitingKeys })
    const { key, record } = await waitingKeys.create({ account: 'acme', name: 'test' })
    await waitingKeys.disable(record.id)
    await ask({ key })
    await waitingKeys.enable(record.id)
    await ask({ key })
    expect(log.records).toMatchObject([
      { passed: ['request-id'], refusedBy: 'api-key', condition: 'api_key_disabled' },
      { passed: expect.arrayContaining(['request-id', 'api-key']), refusedBy: undefined },
    ])
  })

  it.each<[string, Guard['enter'], Partial<RequestRecord>, string[]]>([
    ['passes', () => {}, { status: 200, refusedBy: undefined }, ['first', 'own']],
    [
      'refuses',
      () => {
        throw error
      },
      { status: 403, refusedBy: 'own' },
      ['first'],
    ],
    ['refuses later', () => Promise.reject(error), { status: 403, refusedBy: 'own' }, ['first']],
    [
      'answers for the handler',
      (exchange) => exchange.interrupt(error, 'own'),
      { status: 403, refusedBy: 'own' },
      ['first', 'own'],
    ],
  ])('may be those of others: one that %s', async (_, enter, expected, passed) => {
    const first: Guard = { name: 'first', phase: 'head', enter() {} }
    const ask = await start({}, () => {}, [first, { name: 'own', phase: 'head', enter }])
    await ask()
    const [record] = log.records
    expect(record).toMatchObject(expected)
    expect(record?.passed.slice(record.passed.indexOf('first'))).toEqual(passed)
  })
})

describe('requests without a key', () => {
  it('are noted ten times in any second, and those with one always', async () => {
    const ask = await start({ keys })
    const key = await makeKey()
    const notedOf = async (count: number, asked?: Asked): Promise<number> => {
      const before = log.records.length
      for (let sent = 0; sent < count; sent++) await ask(asked)
      return log.records.length - before
    }
    expect(await notedOf(4)).toBe(4)
    clock.advance(600)
    expect(await notedOf(20)).toBe(6)
    expect(await notedOf(20, { key })).toBe(20)
    clock.advance(399)
    expect(await notedOf(20)).toBe(0)
    clock.advance(1)
    expect(await notedOf(20)).toBe(4)
    clock.advance(600)
    expect(await notedOf(20)).toBe(6)
    clock.advance(86_400_000)
    expect(await notedOf(20)).toBe(10)
  })

  it('are all there are where no keys are asked for', async () => {
    const ask = await start({})
    for (let sent = 0; sent < 12; sent++) await ask()
    expect(log.records).toHaveLength(10)
    expect(log.records[0]).toMatchObject({ status: 200, keyId: undefined })
  })
})

describe('a log that fails', () => {
  it('harms no request, and is reported', async () => {
    const errors: object[] = []
    const failing: RequestLog = {
      record() {
        throw new Error('the disk is full')
      },
      find: () => undefined,
    }
    const ask = await start({
      keys,
      requestLog: failing,
      logger: { error: (fields: object) => void errors.push(fields), warn() {} },
    })
    const response = await ask({ key: await makeKey() })
    expect(response.status).toBe(200)
    expect(errors).toMatchObject([
      { requestId: response.headers.get('x-request-id'), err: { message: 'the disk is full' } },
    ])
  })
})

describe('the option', () => {
  it.each([
    ['a path', './requests.db'],
    ['nothing', null],
    ['a log one cannot ask', { record() {} }],
    ['a log that takes nothing in', { find() {} }],
  ])('is checked: %s', (_, requestLog) => {
    expect(() => Reflect.apply(createGateway, undefined, [{ requestLog }])).toThrow(
      expect.objectContaining({
        code: 'LAZU_CONFIG_INVALID_OPTION',
        message: expect.stringMatching(/lazu\(\)\.requestLog .*Give an object with record\(\)/s),
      }),
    )
  })
})
