import { once } from 'node:events'
import {
  answer,
  answerHead,
  chunk,
  json,
  lastChunk,
  sse,
  sseEvent,
  sseHead,
  type UpstreamCall,
} from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { harnesses, scripted, startGateway } from './gateway.js'

const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 }
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage,
}
const delta = (content: string): string =>
  JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const stop = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
const told = JSON.stringify({ choices: [], usage })

describe.each(harnesses)('forward on $name', (harness) => {
  it('passes JSON on, byte for byte, and charges what it used', async () => {
    const upstream = await scripted()
    const body = `{ "id":"chatcmpl-1",\n "choices":[],"usage":${JSON.stringify(usage)} }`
    upstream.script(json(body, { headers: { 'x-secret': 'canary', server: 'canary' } }))
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: `${upstream.url}/v1`, key: 'sk-upstream-key' }],
    })
    const response = await gateway.post({ model: 'm', messages: [] })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(body)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(JSON.stringify([...response.headers])).not.toContain('canary')
    expect(response.headers.get('x-request-id')).toMatch(/^req_lazu_/)
    const [request] = upstream.requests
    expect(request?.target).toBe('/v1/chat/completions')
    expect(request?.headers).toMatchObject({ authorization: 'Bearer sk-upstream-key' })
    expect(JSON.parse(request?.body ?? '')).toEqual({ model: 'm', messages: [] })
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 10 }]))
    expect(gateway.clock.waiting).toBe(0)
  })

  it('passes a stream on, event by event as they come', async () => {
    const upstream = await scripted()
    const goOn = new AbortController()
    upstream.script(async (call) => {
      await call.write(sseHead() + chunk(sseEvent(delta('Hel'))).toString())
      await once(goOn.signal, 'abort')
      await call.write(chunk(sseEvent(delta('lo.'))))
      await call.write(chunk(sseEvent(stop) + sseEvent(told) + sseEvent('[DONE]')))
      await call.write(lastChunk)
    })
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'sk-upstream-key' }],
    })
    const response = await gateway.post({ model: 'm', messages: [], stream: true })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const reader = response.body?.getReader()
    const first = await reader?.read()
    expect(Buffer.from(first?.value ?? []).toString()).toBe(sseEvent(delta('Hel')))
    goOn.abort()
    let rest = ''
    for (;;) {
      const read = await reader?.read()
      if (read?.done !== false) break
      rest += Buffer.from(read.value).toString()
    }
    // The usage was asked for by the gateway, and not by the client.
    expect(rest).toBe(sseEvent(delta('lo.')) + sseEvent(stop) + sseEvent('[DONE]'))
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toMatchObject({
      stream_options: { include_usage: true },
    })
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 10 }]))
    expect(gateway.clock.waiting).toBe(0)
  })

  it('tries one other channel, and charges at its price', async () => {
    const [first, second] = [await scripted(), await scripted()]
    first.script(json({ error: { message: 'canary' } }, { status: 500 }))
    second.script(json(completion))
    const gateway = await startGateway({
      harness,
      channels: [
        { name: 'one', url: first.url, key: 'k1', lane: 'direct' },
        { name: 'two', url: second.url, key: 'k2', lane: 'cheap' },
      ],
    })
    const response = await gateway.post({ model: 'm', messages: [] })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual(completion)
    expect(gateway.failures).toMatchObject([
      { channel: 'one', condition: 'upstream_rejected', status: 500, triesAnother: true },
    ])
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 5 }]))
  })

  it('answers an error once nothing is left to try', async () => {
    const upstream = await scripted()
    const limited = { status: 429, headers: { 'retry-after': '7' } }
    upstream.script(json({ error: { message: 'canary' } }, limited))
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k1' }],
    })
    const response = await gateway.post({ model: 'm', messages: [] })
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('7')
    const text = await response.text()
    expect(text).not.toContain('canary')
    expect(JSON.parse(text)).toMatchObject({ error: { details: { status_code: 429 } } })
    expect(gateway.log.join()).toContain('it answered with the status 429')
    expect(gateway.log.join()).not.toContain('canary')
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.clock.waiting).toBe(0)
    await vi.waitFor(() => expect(upstream.open).toBe(0))
  })

  it('ends a stream that breaks off with an error', async () => {
    const upstream = await scripted()
    upstream.script(async (call) => {
      await call.write(sseHead() + chunk(sseEvent(delta('Hel'))).toString())
      await new Promise((resolve) => setTimeout(resolve, 20))
      await call.write(chunk('data: {"choices":[{"ind'))
      call.reset()
    })
    const gateway = await startGateway({
      harness,
      channels: [
        { name: 'one', url: upstream.url, key: 'k1' },
        { name: 'two', url: upstream.url, key: 'k2' },
      ],
    })
    const response = await gateway.post({ model: 'm', messages: [], stream: true })
    const text = await response.text()
    expect(text.startsWith(sseEvent(delta('Hel')))).toBe(true)
    const last = text.trim().split('\n').at(-1) ?? ''
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({
      error: { code: 'upstream_network_error' },
    })
    expect(gateway.failures).toMatchObject([
      { channel: 'one', condition: 'upstream_read_failed', triesAnother: false },
    ])
    expect(upstream.requests).toHaveLength(1)
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.settled.filter(({ amount }) => amount > 0)).toEqual([])
    expect(gateway.clock.waiting).toBe(0)
  })

  it('breaks the call off when the client leaves', async () => {
    const upstream = await scripted()
    const calls: UpstreamCall[] = []
    upstream.script(async (call) => {
      calls.push(call)
      await call.write(sseHead() + chunk(sseEvent(delta('Hel'))).toString())
    })
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k1' }],
    })
    const leaving = new AbortController()
    const response = await gateway.post(
      { model: 'm', messages: [], stream: true },
      { signal: leaving.signal },
    )
    await response.body?.getReader().read()
    leaving.abort()
    await vi.waitFor(() => expect(upstream.open).toBe(0))
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.clock.waiting).toBe(0)
    expect(gateway.failures).toEqual([])
    expect(gateway.log).toEqual([])
  })

  it('breaks the call off when the client leaves before anything came', async () => {
    const upstream = await scripted()
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k1' }],
    })
    const leaving = new AbortController()
    const response = gateway.post({ model: 'm', messages: [] }, { signal: leaving.signal })
    response.catch(() => {})
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1))
    leaving.abort()
    await vi.waitFor(() => expect(upstream.open).toBe(0))
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.clock.waiting).toBe(0)
    expect(gateway.log).toEqual([])
  })

  it('answers 504 when the gateway has waited long enough', async () => {
    const upstream = await scripted()
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k1' }],
      gateway: { timeout: '3s' },
    })
    const response = gateway.post({ model: 'm', messages: [] })
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1))
    gateway.clock.advance(3_000)
    expect((await response).status).toBe(504)
    await vi.waitFor(() => expect(upstream.open).toBe(0))
    await vi.waitFor(() => expect(gateway.clock.waiting).toBe(0))
    expect(gateway.failures).toEqual([])
  })
})

it('forwards with a whole stream in one chunk', async () => {
  const upstream = await scripted()
  upstream.script(sse(delta('Hi'), stop, told, '[DONE]'))
  const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
  const body = { model: 'm', messages: [], stream: true, stream_options: { include_usage: true } }
  const response = await gateway.post(body)
  expect(await response.text()).toBe([delta('Hi'), stop, told, '[DONE]'].map(sseEvent).join(''))
})

it('passes sound on as it comes, and cuts it off when it breaks', async () => {
  const upstream = await scripted()
  const sound = Buffer.alloc(100_000, 7)
  const type = { 'content-type': 'audio/L16; rate=24000; x=canary' }
  upstream.script(answer(200, type, sound), async (call) => {
    await call.write(answerHead(200, { ...type, 'content-length': '100000' }))
    await call.write(sound.subarray(0, 50_000))
    call.reset()
  })
  const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
  const whole = await gateway.post({ model: 'm', messages: [] })
  expect(whole.headers.get('content-type')).toBe('audio/L16; rate=24000')
  expect(Buffer.from(await whole.arrayBuffer()).equals(sound)).toBe(true)
  const broken = await gateway.post({ model: 'm', messages: [] })
  expect(broken.status).toBe(200)
  await expect(broken.arrayBuffer()).rejects.toThrow('terminated')
})

it('tells a client of Anthropic’s that its stream broke in an event of that protocol', async () => {
  const upstream = await scripted()
  const start = { type: 'message_start', message: { usage: { input_tokens: 3, output_tokens: 1 } } }
  const failed = { type: 'error', error: { type: 'overloaded_error', message: 'canary' } }
  const begin = sseEvent({ event: 'message_start', data: start })
  upstream.script(async (call) => {
    await call.write(sseHead() + chunk(begin).toString())
    await call.write(chunk(sseEvent({ event: 'error', data: failed })))
  })
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    gateway: { protocol: 'native' },
  })
  const response = await gateway.post(
    { model: 'm', messages: [], stream: true, max_tokens: 9 },
    { path: '/v1/messages' },
  )
  const text = await response.text()
  expect(text.startsWith(begin)).toBe(true)
  expect(text.slice(begin.length)).toMatch(/^\n*event: error\ndata: \{"type":"error",.*\}\n\n$/)
  expect(text).not.toContain('canary')
  expect(gateway.failures).toMatchObject([{ condition: 'upstream_unavailable' }])
})

it('charges a stream that tells no usage what flowed', async () => {
  const upstream = await scripted()
  upstream.script(sse(delta('x'.repeat(30)), stop, '[DONE]'))
  const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
  await (await gateway.post({ model: 'm', messages: [], stream: true })).text()
  // Three bytes are taken for a token.
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 20 }]))
})

it.each([
  ['nothing', []],
  // Thirty letters are ten tokens, however much stands around them.
  ['observed', [{ amount: 20 }]],
] as const)(
  'charges %s of a stream that broke off, as the gateway says',
  async (setting, charged) => {
    const upstream = await scripted()
    upstream.script(async (call) => {
      await call.write(sseHead() + chunk(sseEvent(delta('x'.repeat(30)))).toString())
      call.end()
    })
    const gateway = await startGateway({
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
      gateway: { brokenStream: setting },
    })
    await (await gateway.post({ model: 'm', messages: [], stream: true })).text()
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    const ends = gateway.settled.filter(({ ended }) => ended === 'settled')
    expect(ends).toMatchObject(charged)
  },
)
