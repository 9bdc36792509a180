import { once } from 'node:events'
import { request as send } from 'node:http'
import { MemoryLedger, type GatewayOptions, type RequestRecord } from '@lazu/core'
import { lazu, lazuErrors } from '@lazu/express'
import { FakeClock } from '@lazu/testkit'
import express, { type Express } from 'express'
import { describe, expect, it, vi } from 'vitest'
import { errorOf, gateway, type Ran } from './command.js'
import { serve, share, soundApp, type Shared } from './doctor-setup.js'

const id = 'req_lazu_01JD3M7Q4R5S6T7V8W9XABCDEF'

async function trace(options: GatewayOptions, argv: readonly string[] = [id]): Promise<Ran> {
  const { lazu: run } = await gateway({ config: { gateway: options } })
  return run(['trace', ...argv])
}

/** Sends a chat request, and waits for its record. */
async function chat(
  { store, apiKey }: Pick<Shared, 'store' | 'apiKey'>,
  app: Express,
  body: object = { model: 'gpt-5', max_tokens: 100, messages: [] },
): Promise<string> {
  const url = await serve(app)
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${apiKey}`,
      'x-request-id': 'order-77',
    },
    body: JSON.stringify(body),
  })
  await response.text()
  const requestId = response.headers.get('x-request-id') ?? ''
  await vi.waitFor(() => expect(store.requestLog.find(requestId)).toBeDefined())
  return requestId
}

/** An app whose handler says what it used. */
function chargingApp(options: GatewayOptions): Express {
  const app = express()
  const { admit, meter } = lazu(options)
  app.use('/v1', admit, express.json(), meter)
  app.post('/v1/chat/completions', (request, response) => {
    request.lazu.charge({ inputTokens: 1_000, outputTokens: 50 })
    response.json({ served: true })
  })
  app.use(lazuErrors())
  return app
}

function lineOf(stdout: string, start: string): string | undefined {
  return stdout
    .split('\n')
    .find((line) => line.startsWith(start))
    ?.replaceAll(/ {2,}/g, ' | ')
}

/** A ledger that held a dollar for the request, by a clock that a test moves. */
function aLedger(): { readonly ledger: MemoryLedger; readonly clock: FakeClock } {
  const clock = new FakeClock(Date.UTC(2026, 10, 21))
  const ledger = new MemoryLedger({ clock })
  ledger.credit('acme', 10_000_000, 'invoice-1')
  ledger.reserve({ id, account: 'acme', key: 'key_1', amount: 1_000_000, ttlMs: 60_000 })
  return { ledger, clock }
}

function failing(): Promise<undefined> {
  return Promise.reject(new Error('disk I/O error'))
}

describe('lazu trace', () => {
  it('tells of a request that was served who paid what for it', async () => {
    const shared = await share()
    const { store, options, keys } = shared
    await store.ledger.credit('acme', 1_000_000, 'invoice-1')
    const requestId = await chat(shared, chargingApp(options))

    const { code, stdout, stderr } = await trace(options, [requestId])
    const [key] = await keys.list()
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(lineOf(stdout, 'Request')).toBe(`Request | ${requestId}`)
    expect(lineOf(stdout, 'Caller')).toBe("Caller's id | order-77")
    expect(lineOf(stdout, 'Time')).toMatch(/^Time \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(lineOf(stdout, 'Route')).toBe('Route | POST /v1/chat/completions')
    expect(lineOf(stdout, 'Model')).toBe('Model | gpt-5')
    expect(lineOf(stdout, 'Address')).toBe('Address | 127.0.0.1')
    expect(lineOf(stdout, 'Outcome')).toMatch(
      /^Outcome \| 200, the whole answer was sent, [\d.]+ ms$/,
    )
    expect(lineOf(stdout, 'Key')).toBe(`Key | ${key?.id} "doctor" ${key?.shown}`)
    expect(lineOf(stdout, 'Account')).toBe('Account | acme')
    expect(stdout).toMatch(
      /Guard +Decision\nrequest-id +passed\ntimeout +passed\napi-key +passed\nip-allowlist +passed\nrate-limit +passed\nmodel +passed\ntoken-limit +passed\nquota +passed\n\(handler\) +answered\n/,
    )
    expect(lineOf(stdout, 'rpm')).toBe('rpm | 600 | 599')
    // 1,000 tokens of $1.25 and 50 of $10 a million.
    expect(stdout).toMatch(/T.*Z +held +\$\d\.\d{4,6} +gpt-5\n/)
    expect(stdout).toMatch(/T.*Z +charged +\$0\.00175 +1000 in, 50 out +gpt-5\n/)
    expect(stdout).toMatch(/^Settled: \$0\.00175 was charged of the \$\d\.\d+ held\.$/m)
  })

  it('tells which guard refused a request, and why, in words', async () => {
    const shared = await share()
    const requestId = await chat(shared, soundApp(shared.options))
    const { code, stdout } = await trace(shared.options, [requestId])
    expect(code).toBe(0)
    expect(lineOf(stdout, 'quota')).toBe(
      "quota | refused: insufficient_quota, 403 (the account's balance does not cover the estimate)",
    )
    expect(stdout).not.toContain('(handler)')
    expect(stdout).toContain('No money was held for it.')
  })

  it('tells that a handler failed, and that what was held was given back', async () => {
    const shared = await share()
    const { store, options } = shared
    await store.ledger.credit('acme', 1_000_000, 'invoice-1')
    const app = express()
    const { admit, meter } = lazu(options)
    app.use('/v1', admit, express.json(), meter)
    app.post('/v1/chat/completions', (request) => request.lazu.fail('upstream_timeout'))
    app.use(lazuErrors())
    const requestId = await chat(shared, app)
    const { stdout } = await trace(options, [requestId])
    expect(lineOf(stdout, '(handler)')).toBe(
      '(handler) | failed: upstream_timeout, 504 (the upstream did not answer in time)',
    )
    expect(stdout).toMatch(
      /^Released: the \$[\d.]+ held was given back, and nothing was charged\.$/m,
    )
  })

  it('tells that a client left in mid-stream', async () => {
    const shared = await share()
    const { store, options, apiKey } = shared
    await store.ledger.credit('acme', 1_000_000, 'invoice-1')
    const app = express()
    const { admit, meter } = lazu(options)
    app.use('/v1', admit, express.json(), meter)
    app.post('/v1/chat/completions', (_request, response) => {
      response.type('text/event-stream').write('data: {}\n\n')
    })
    const request = send(`${await serve(app)}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    })
    request.on('error', () => undefined)
    request.end(JSON.stringify({ model: 'gpt-5', max_tokens: 100, stream: true, messages: [] }))
    const [response] = await once(request, 'response')
    const requestId = String(response.headers['x-request-id'])
    response.destroy()
    await vi.waitFor(() => expect(store.requestLog.find(requestId)).toBeDefined())
    const { stdout } = await trace(options, [requestId])
    expect(lineOf(stdout, 'Outcome')).toContain('200, the answer was broken off')
    expect(stdout).toContain('Released:')
  })

  it('tells of a request without a key', async () => {
    const shared = await share()
    const requestId = await chat({ ...shared, apiKey: 'nobody' }, soundApp(shared.options))
    const { stdout } = await trace(shared.options, [requestId])
    expect(lineOf(stdout, 'Key')).toBe('Key | none was recognised')
    expect(lineOf(stdout, 'api-key')).toContain('refused: api_key_invalid, 401')
  })

  it('is all there for programs, with no digest in it', async () => {
    const shared = await share()
    const { store, options, keys } = shared
    await store.ledger.credit('acme', 1_000_000, 'invoice-1')
    const requestId = await chat(shared, chargingApp(options))
    const { code, stdout } = await trace(options, [requestId, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      request: {
        requestId,
        clientRequestId: 'order-77',
        status: 200,
        completed: true,
        model: 'gpt-5',
        limits: [{ rule: 'rpm', limit: 600, remaining: 599 }],
      },
      key: { account: 'acme', name: 'doctor', status: 'active' },
      movements: [
        { kind: 'reserve', id: requestId, account: 'acme' },
        {
          kind: 'settled',
          amount: { micros: 1_750, usd: '$0.00175' },
          tokens: { inputTokens: 1_000, outputTokens: 50 },
        },
      ],
    })
    const [key] = await keys.list()
    expect(stdout).not.toContain(key?.digest ?? '')
    expect(stdout).not.toContain('digest')
  })
})

describe('lazu trace, with a part of it missing,', () => {
  it('tells what the ledger knows where there is no request log', async () => {
    const { ledger } = aLedger()
    const { code, stdout } = await trace({ ledger })
    expect(code).toBe(0)
    expect(stdout).toContain('no requestLog')
    expect(lineOf(stdout, 'Key')).toBe('Key | key_1, which the configured keys do not hold')
    expect(lineOf(stdout, 'Account')).toBe('Account | acme')
    expect(lineOf(stdout, '2026-11-21T00:00:00.000Z')).toContain('held | $1.0000')
    expect(stdout).toContain('Still open: the $1.0000 held is neither charged nor given back.')
  })

  it('tells that a reservation expired', async () => {
    const { ledger, clock } = aLedger()
    clock.advance(60_000)
    const { stdout } = await trace({ ledger })
    expect(stdout).toContain(
      'Expired: nobody settled it in its time, so the $1.0000 held was given',
    )
  })

  it('tells what the ledger knows where the request log has no record any more', async () => {
    const { ledger } = aLedger()
    const requestLog = { record: () => undefined, find: () => undefined }
    const { code, stdout } = await trace({ ledger, requestLog })
    expect(code).toBe(0)
    expect(stdout).toContain('none any more')
    const json = await trace({ ledger, requestLog }, [id, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      request: null,
      key: null,
      movements: [{ kind: 'reserve', amount: { micros: 1_000_000 } }],
    })
  })

  it('tells what the request log knows where there is no ledger', async () => {
    const record: RequestRecord = {
      requestId: id,
      clientRequestId: undefined,
      method: 'GET',
      path: '/v1/models\u001b[2J',
      keyId: 'key_1',
      account: 'acme',
      clientAddress: undefined,
      atMs: Date.UTC(2026, 10, 21),
      durationMs: 1.23456,
      status: 403,
      completed: true,
      condition: 'ip_not_allowed',
      passed: ['request-id', 'api-key'],
      refusedBy: 'ip-allowlist',
      model: undefined,
      limits: [],
    }
    const requestLog = { record: () => undefined, find: () => record }
    const { code, stdout } = await trace({ requestLog })
    expect(code).toBe(0)
    expect(lineOf(stdout, 'Route')).toBe('Route | GET /v1/models\\x1b[2J')
    expect(lineOf(stdout, 'Address')).toBe('Address | could not be told')
    expect(lineOf(stdout, 'Time')).toBe('Time | 2026-11-21T00:00:00.000Z')
    expect(lineOf(stdout, 'Outcome')).toBe('Outcome | 403, the whole answer was sent, 1.2 ms')
    expect(lineOf(stdout, 'ip-allowlist')).toContain("the caller's address is outside")
    expect(stdout).toContain('The configuration has no ledger')
  })

  it('ends with 1 when nothing is known', async () => {
    const { options } = await share()
    const { code, stdout, stderr } = await trace(options)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('Nothing is known of a request with this id')
    expect(stderr).toContain('For how long records are kept is up to the store.')
    const json = await trace(options, [id, '--json'])
    expect(errorOf(json).code).toBe('not_found')
  })

  it('ends with 3 when there is nothing to ask', async () => {
    const { keys } = await share()
    const { code, stderr } = await trace({ keys })
    expect(code).toBe(3)
    expect(stderr).toContain('neither a requestLog nor a ledger')
  })

  it('ends with 3 when a store fails', async () => {
    const { code, stderr } = await trace({ requestLog: { record: () => undefined, find: failing } })
    expect(code).toBe(3)
    expect(stderr).toContain('disk I/O error')
  })
})

describe('what lazu trace takes for an id', () => {
  it.each([
    ['a key', 'sk-lazu-0123456789abcdef'],
    ["a key's id", 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'],
    ['201 characters', 'a'.repeat(201)],
    ['nothing', ''],
  ])('is not %s, which it does not show', async (_, text) => {
    const { options } = await share()
    const { code, stdout, stderr } = await trace(options, [text, '--json'])
    expect(code).toBe(2)
    expect(errorOf({ code, stdout, stderr }).param).toBe('<request-id>')
    expect(text === '' || !(stdout + stderr).includes(text)).toBe(true)
  })

  it('is printed harmlessly', async () => {
    const { options } = await share()
    const { code, stderr } = await trace(options, ['\u001b[2Jreq\u202e'])
    expect(code).toBe(1)
    expect(stderr).not.toContain('\u001b')
    expect(stderr).not.toContain('\u202e')
  })
})
