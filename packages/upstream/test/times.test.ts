import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  answerHead,
  chunk,
  json,
  lastChunk,
  sseEvent,
  sseHead,
  type UpstreamCall,
} from '@lazu/testkit'
import type { ChannelOptions, UpstreamTimeouts } from '@lazu/upstream'
import { expect, it, onTestFinished, vi } from 'vitest'
import { scripted, startGateway, type TestGateway } from './gateway.js'

const good = json({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })
const delta = (content: string): string =>
  sseEvent({ data: { choices: [{ index: 0, delta: { content }, finish_reason: null }] } })
const done = sseEvent({ data: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } })
const body = { model: 'm', messages: [], stream: true }

/** A server that takes connections and says nothing, not even that it speaks TLS. */
async function silentServer(): Promise<{ readonly url: string; readonly open: () => number }> {
  let open = 0
  const server = createServer((socket) => {
    open++
    socket.on('error', () => {})
    socket.on('close', () => open--)
    socket.resume()
  })
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `https://127.0.0.1:${address.port}`, open: () => open }
}

it('gives up on a connection that is not made in time, and tries another channel', async () => {
  const silent = await silentServer()
  const other = await scripted()
  other.script(good)
  const gateway = await startGateway({
    channels: [
      { name: 'one', url: silent.url, key: 'k', timeout: { connect: '2s' } },
      { name: 'two', url: other.url, key: 'k' },
    ],
  })
  const response = gateway.post(body)
  await vi.waitFor(() => expect(silent.open()).toBe(1))
  gateway.clock.advance(2_000)
  expect((await response).status).toBe(200)
  expect(gateway.failures).toMatchObject([{ channel: 'one', condition: 'channel_timeout' }])
  await vi.waitFor(() => expect(silent.open()).toBe(0))
  expect(gateway.clock.waiting).toBe(0)
})

it('gives up on a channel whose first byte is late', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => call.write(sseHead()))
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { timeout: { firstByte: '5s' } },
  })
  const response = gateway.post(body)
  await vi.waitFor(() => expect(upstream.requests).toHaveLength(1))
  gateway.clock.advance(4_999)
  expect(gateway.failures).toEqual([])
  gateway.clock.advance(1)
  const answered = await response
  expect(answered.status).toBe(504)
  expect(await answered.json()).toMatchObject({ error: { code: 'channel_response_time_exceeded' } })
  await vi.waitFor(() => expect(upstream.open).toBe(0))
  expect(gateway.clock.waiting).toBe(0)
})

it('cuts no stream that flows by the limit of its first byte', async () => {
  const upstream = await scripted()
  const calls: UpstreamCall[] = []
  upstream.script(async (call) => {
    calls.push(call)
    await call.write(sseHead() + chunk(': still thinking\n\n').toString())
  })
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { timeout: { firstByte: '5s', idle: '10s' } },
  })
  // A comment decides the status.
  const response = await gateway.post(body)
  expect(response.status).toBe(200)
  const reader = response.body?.getReader()
  let text = ''
  const read = async (): Promise<void> => {
    text += Buffer.from((await reader?.read())?.value ?? []).toString()
  }
  await read()
  for (let word = 0; word < 5; word++) {
    gateway.clock.advance(9_000)
    await calls[0]?.write(chunk(delta('word ')))
    await read()
  }
  await calls[0]?.write(chunk(done).toString() + lastChunk)
  await read()
  expect(text).toBe(`: still thinking\n\n${delta('word ').repeat(5)}${done}`)
  expect((await reader?.read())?.done).toBe(true)
  expect(gateway.failures).toEqual([])
})

it('ends a stream that falls silent with an error', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => call.write(sseHead() + chunk(delta('Hel')).toString()))
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { timeout: { idle: '10s' } },
  })
  const response = await gateway.post(body)
  gateway.clock.advance(10_000)
  const text = await response.text()
  expect(text.startsWith(delta('Hel'))).toBe(true)
  expect(text).toContain('channel_response_time_exceeded')
  expect(gateway.clock.waiting).toBe(0)
  await vi.waitFor(() => expect(upstream.open).toBe(0))
})

it('tries another channel when a whole answer falls silent, and ends by the total', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => {
    await call.write(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    )
  })
  const other = await scripted()
  const gateway = await startGateway({
    channels: [
      { name: 'one', url: upstream.url, key: 'k', timeout: { idle: '10s' } },
      { name: 'two', url: other.url, key: 'k', timeout: { total: '20s' } },
    ],
  })
  const response = gateway.post(body)
  await vi.waitFor(() => {
    gateway.clock.advance(1_000)
    expect(other.requests).toHaveLength(1)
  })
  gateway.clock.advance(20_000)
  expect((await response).status).toBe(504)
  expect(gateway.failures.map(({ cause }) => cause)).toEqual([
    'the time limit "idle" of 10000 ms is over',
    'the time limit "total" of 20000 ms is over',
  ])
})

it('goes by the time limits of a request over all its attempts', async () => {
  const [first, second] = [await scripted(), await scripted()]
  const gateway = await startGateway({
    channels: [
      { name: 'one', url: first.url, key: 'k', timeout: { firstByte: '5s' } },
      { name: 'two', url: second.url, key: 'k', timeout: { firstByte: '5s' } },
    ],
    routes: (upstream) => ({
      'POST /v1/chat/completions': ({ lazu }) =>
        upstream.forward(lazu, { timeout: { total: '7s' } }),
    }),
  })
  const response = gateway.post(body)
  await vi.waitFor(() => expect(first.requests).toHaveLength(1))
  gateway.clock.advance(5_000)
  await vi.waitFor(() => expect(second.requests).toHaveLength(1))
  gateway.clock.advance(2_000)
  const answered = await response
  expect(answered.status).toBe(504)
  expect(await answered.json()).toMatchObject({ error: { code: 'upstream_timeout' } })
  expect(gateway.failures.map(({ condition }) => condition)).toEqual([
    'channel_timeout',
    'upstream_timeout',
  ])
  expect(gateway.clock.waiting).toBe(0)
})

/** A gateway whose requests have time limits of their own, in front of two channels. */
async function limited(
  timeout: UpstreamTimeouts,
  one: ChannelOptions,
  two: ChannelOptions,
): Promise<TestGateway> {
  return startGateway({
    channels: [one, two],
    routes: (upstream) => ({
      'POST /v1/chat/completions': ({ lazu }) => upstream.forward(lazu, { timeout }),
    }),
  })
}

it('counts no silence of a channel that failed against the next one', async () => {
  const [first, second] = [await scripted(), await scripted()]
  first.script(async (call) => {
    await call.write(answerHead(200, { 'content-type': 'application/json' }) + '{"a":')
    call.end()
  })
  const calls: UpstreamCall[] = []
  second.script((call) => void calls.push(call))
  const gateway = await limited(
    { idle: '500ms', firstByte: '20s' },
    { name: 'one', url: first.url, key: 'k' },
    { name: 'two', url: second.url, key: 'k' },
  )
  const response = gateway.post(body)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  gateway.clock.advance(1_500)
  await calls[0]?.write(good)
  expect((await response).status).toBe(200)
  expect(gateway.failures).toMatchObject([{ channel: 'one', condition: 'upstream_bad_response' }])
  expect(gateway.clock.waiting).toBe(0)
})

it.each([
  ['has a request’s whole time for its first byte', 4_999, 200],
  ['has no more than that', 5_000, 504],
])('another channel %s', async (_, waitMs, status) => {
  const [first, second] = [await scripted(), await scripted()]
  const calls: UpstreamCall[] = []
  second.script((call) => void calls.push(call))
  const gateway = await limited(
    { firstByte: '5s' },
    { name: 'one', url: first.url, key: 'k', timeout: { firstByte: '3s' } },
    { name: 'two', url: second.url, key: 'k' },
  )
  const response = gateway.post(body)
  await vi.waitFor(() => expect(first.requests).toHaveLength(1))
  gateway.clock.advance(3_000)
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  gateway.clock.advance(waitMs)
  await calls[0]?.write(good)
  expect((await response).status).toBe(status)
  const causes = gateway.failures.map(({ channel, cause }) => [channel, cause])
  expect(causes).toEqual([
    ['one', 'the time limit "first byte" of 3000 ms is over'],
    ...(status === 200
      ? []
      : [['two', 'the time limit "first byte" of 5000 ms is over, of the request']]),
  ])
  expect(gateway.clock.waiting).toBe(0)
})

it('gives another channel a request’s time to connect, and no more', async () => {
  const first = await scripted()
  first.script(json({}, { status: 500 }))
  const silent = await silentServer()
  const gateway = await limited(
    { connect: '2s' },
    { name: 'one', url: first.url, key: 'k' },
    { name: 'two', url: silent.url, key: 'k' },
  )
  const response = gateway.post(body)
  await vi.waitFor(() => expect(silent.open()).toBe(1))
  gateway.clock.advance(1_999)
  expect(gateway.failures).toHaveLength(1)
  gateway.clock.advance(1)
  expect((await response).status).toBe(504)
  expect(gateway.failures.map(({ channel, condition }) => [channel, condition])).toEqual([
    ['one', 'upstream_rejected'],
    ['two', 'upstream_timeout'],
  ])
  expect(gateway.clock.waiting).toBe(0)
})

it('asks no other channel when a limit of the request ends with the same of the channel', async () => {
  const [first, second] = [await scripted(), await scripted()]
  const gateway = await limited(
    { firstByte: '5s' },
    { name: 'one', url: first.url, key: 'k', timeout: { firstByte: '5s' } },
    { name: 'two', url: second.url, key: 'k' },
  )
  const response = gateway.post(body)
  await vi.waitFor(() => expect(first.requests).toHaveLength(1))
  gateway.clock.advance(5_000)
  expect((await response).status).toBe(504)
  expect(gateway.failures).toMatchObject([{ channel: 'one', condition: 'upstream_timeout' }])
  expect(second.accepted).toBe(0)
})

it('asks no other channel when a request’s total ends with the time of the first', async () => {
  const [first, second] = [await scripted(), await scripted()]
  const gateway = await limited(
    { total: '7s' },
    { name: 'one', url: first.url, key: 'k', timeout: { firstByte: '5s' } },
    { name: 'two', url: second.url, key: 'k' },
  )
  const response = gateway.post(body)
  await vi.waitFor(() => expect(first.requests).toHaveLength(1))
  // Both limits, before anything else can run.
  gateway.clock.advance(7_000)
  expect((await response).status).toBe(504)
  expect(gateway.failures).toMatchObject([{ channel: 'one', triesAnother: false }])
  expect(second.accepted).toBe(0)
  expect(gateway.clock.waiting).toBe(0)
})

it('blames no channel for the silence of one that a slow client holds back', async () => {
  const upstream = await scripted()
  let sent = 0
  const event = delta('x'.repeat(10_000))
  upstream.script(async (call) => {
    await call.write(sseHead())
    for (; sent < 2_500 && !call.isGone; sent++) await call.write(chunk(event))
    await call.write(chunk(done).toString() + lastChunk)
  })
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { timeout: { idle: '10s', total: '5m' } },
  })
  const response = await gateway.post(body)
  const reader = response.body?.getReader()
  // Until nothing moves: all buffers between here and the upstream are full.
  let before = -1
  let times = 0
  await vi.waitFor(
    () => {
      times = sent === before ? times + 1 : 0
      before = sent
      expect(times).toBe(10)
    },
    { timeout: 10_000 },
  )
  expect(sent).toBeLessThan(2_500)
  gateway.clock.advance(60_000)
  expect(gateway.failures).toEqual([])
  let bytes = 0
  for (;;) {
    const read = await reader?.read()
    if (read?.done !== false) break
    bytes += read.value.length
  }
  expect(bytes).toBe(event.length * 2_500 + done.length)
})
