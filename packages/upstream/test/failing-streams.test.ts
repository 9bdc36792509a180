import { chunk, lastChunk, sseEvent, sseHead, type UpstreamCall } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { scripted, startGateway, type TestGateway } from './gateway.js'

/** Whatever an upstream says that nobody may read. */
const canary = 'CANARY'
const first = sseEvent({ data: { choices: [{ index: 0, delta: { content: 'Hel' } }] } })
/** Four tokens, at two micro-dollars. */
const usage = sseEvent({ data: { choices: [], usage: { prompt_tokens: 1, completion_tokens: 4 } } })
const body = { model: 'm', messages: [], stream: true, stream_options: { include_usage: true } }

interface Case {
  readonly fail: (call: UpstreamCall, gateway: TestGateway) => unknown
  readonly condition: string
  /** What the lazu dialect calls it. */
  readonly code: string
  /** Whether no channel is to be blamed. */
  readonly isOfGateway?: boolean
}

const errorEvent = (error: object): Buffer =>
  chunk(sseEvent({ data: { error: { message: canary, ...error } } }))

const brokenOff = { condition: 'upstream_read_failed', code: 'upstream_network_error' }
const timedOut = { condition: 'channel_timeout', code: 'channel_response_time_exceeded' }

const cases: Readonly<Record<string, Case>> = {
  'is reset': { ...brokenOff, fail: (call) => call.reset() },
  'ends without the end of its coding': { ...brokenOff, fail: (call) => call.end() },
  'ends without the end of its protocol': { ...brokenOff, fail: (call) => call.write(lastChunk) },
  'ends within an event': {
    ...brokenOff,
    fail: (call) => call.write(chunk(`data: {"id":"${canary}`).toString() + lastChunk),
  },
  'is reset within an event': {
    ...brokenOff,
    fail: async (call) => {
      await call.write(chunk(`data: {"id":"${canary}`))
      call.reset()
    },
  },
  'is no HTTP any more': { ...brokenOff, fail: (call) => call.write(`${canary}\r\n`) },
  'tells an error': {
    condition: 'upstream_rejected',
    code: 'upstream_error',
    fail: (call) => call.write(errorEvent({ type: 'server_error' })),
  },
  'tells that it is overloaded': {
    condition: 'upstream_unavailable',
    code: 'upstream_error',
    fail: (call) => call.write(errorEvent({ code: 503 })),
  },
  'tells that its key is wrong': {
    condition: 'channel_key_invalid',
    code: 'upstream_error',
    fail: (call) => call.write(errorEvent({ code: 401 })),
  },
  'goes on with something else than JSON': {
    condition: 'upstream_bad_response',
    code: 'upstream_error',
    fail: (call) => call.write(chunk(sseEvent(`<h1>${canary}</h1>`))),
  },
  'falls silent': { ...timedOut, fail: (_, { clock }) => clock.advance(10_000) },
  'flows for too long': {
    ...timedOut,
    fail: async (call, { clock }) => {
      for (let seconds = 0; seconds < 60; seconds += 5) {
        await call.write(chunk(': still here\n\n'))
        clock.advance(5_000)
      }
    },
  },
  'takes longer than its request has time for': {
    condition: 'upstream_timeout',
    code: 'upstream_timeout',
    fail: (_, { clock }) => clock.advance(9_000),
  },
  'takes longer than the gateway has time for': {
    condition: 'request_timeout',
    code: 'upstream_timeout',
    isOfGateway: true,
    fail: (_, { clock }) => clock.advance(8_000),
  },
}

describe.each(Object.entries(cases))('a stream that has begun and %s', (what, expected) => {
  it.each([
    ['costs nothing', '', 0],
    ['costs what it has told', usage, 8],
  ])('ends with an error, is not tried again, and %s', async (_, before, settled) => {
    const [one, two] = [await scripted(), await scripted()]
    const calls: UpstreamCall[] = []
    one.script(async (call) => {
      calls.push(call)
      await call.write(sseHead() + chunk(first + before).toString())
    })
    const total = what.includes('its request') ? '9s' : undefined
    const gateway = await startGateway({
      channels: [
        { name: 'one', url: one.url, key: `sk-${canary}` },
        { name: 'two', url: two.url, key: 'k' },
      ],
      upstream: { timeout: { idle: '10s', total: '60s' } },
      gateway: what.includes('the gateway') ? { timeout: '8s' } : {},
      routes: (upstream) => ({
        'POST /v1/chat/completions': ({ lazu }) => upstream.forward(lazu, { timeout: { total } }),
      }),
    })
    const response = await gateway.post(body)
    expect(response.status).toBe(200)
    const reader = response.body?.getReader()
    let text = ''
    const read = async (): Promise<boolean> => {
      const { done = true, value } = (await reader?.read()) ?? {}
      text += Buffer.from(value ?? []).toString()
      return !done
    }
    while (text.length < first.length + before.length) await read()
    const [call] = calls
    if (call === undefined) throw new Error('the upstream was not called')
    await expected.fail(call, gateway)
    while (await read());

    expect(text.startsWith(first + before)).toBe(true)
    const frame = /^(?:: still here\n\n)*\n*data: (\{"error":.*\})\n\n$/.exec(
      text.slice(first.length + before.length),
    )
    const { error } = JSON.parse(frame?.[1] ?? '{}')
    expect(error).toMatchObject({ code: expected.code })
    const failed = { channel: 'one', condition: expected.condition, triesAnother: false }
    expect(gateway.failures).toMatchObject(expected.isOfGateway === true ? [] : [failed])
    expect(gateway.broken).toMatchObject([{ condition: expected.condition }])
    expect(one.requests).toHaveLength(1)
    expect(two.accepted).toBe(0)

    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.ledger.balance('acme').settled).toBe(settled)
    await vi.waitFor(() => expect(gateway.clock.waiting).toBe(0))
    // A connection whose answer was whole is kept for the next request.
    await gateway.upstream.close()
    await vi.waitFor(() => expect(one.open).toBe(0))
    const shown = [text, [...response.headers], gateway.log, gateway.failures, gateway.broken]
    expect(JSON.stringify(shown)).not.toContain(canary)
  })
})
