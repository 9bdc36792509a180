import { chunk, json, lastChunk, sseEvent, sseHead, type UpstreamCall } from '@lazu/testkit'
import { expect, it, vi } from 'vitest'
import { harnesses, scripted, startGateway } from './gateway.js'

const usage = { prompt_tokens: 1, completion_tokens: 4 }
const delta = sseEvent({ data: { choices: [{ index: 0, delta: { content: 'Hel' } }] } })
const stop = sseEvent({ data: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } })
const told = sseEvent({ data: { choices: [], usage } })
const rest = chunk(stop + told + sseEvent('[DONE]')).toString() + lastChunk
const body = { model: 'm', messages: [], stream: true }

it.each(harnesses)('reads a stream to its end for its usage on $name', async (harness) => {
  const upstream = await scripted()
  const calls: UpstreamCall[] = []
  upstream.script(async (call) => {
    calls.push(call)
    await call.write(sseHead() + chunk(delta).toString())
  })
  const gateway = await startGateway({
    harness,
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { whenClientLeaves: { drain: { atMost: 1, for: '20s' } } },
    gateway: { limits: { concurrency: 2 } },
  })
  const leave = async (): Promise<void> => {
    const before = calls.length
    const leaving = new AbortController()
    const response = await gateway.post(body, { signal: leaving.signal })
    await response.body?.getReader().read()
    leaving.abort()
    expect(calls).toHaveLength(before + 1)
  }
  await leave()
  // There is room for one only.
  await leave()
  await vi.waitFor(() => expect(calls[1]?.isGone).toBe(true))
  expect(calls[0]?.isGone).toBe(false)
  await calls[0]?.write(rest)
  await vi.waitFor(() => {
    expect(gateway.settled.filter(({ ended }) => ended === 'settled')).toMatchObject([
      { amount: 8 },
    ])
  })

  // And for as long as it is told.
  await leave()
  await vi.waitFor(
    () => {
      gateway.clock.advance(1_000)
      expect(calls[2]?.isGone).toBe(true)
    },
    { timeout: 5_000 },
  )
  await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
  expect(gateway.clock.waiting).toBe(0)
  expect(gateway.failures).toEqual([])
  expect(gateway.log).toEqual([])
})

it.each(harnesses)('waits for a whole answer for its usage on $name', async (harness) => {
  const upstream = await scripted()
  const calls: UpstreamCall[] = []
  upstream.script((call) => void calls.push(call))
  const gateway = await startGateway({
    harness,
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { whenClientLeaves: { drain: {} } },
  })
  const leaving = new AbortController()
  const response = gateway.post({ ...body, stream: false }, { signal: leaving.signal })
  response.catch(() => {})
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  leaving.abort()
  await response.catch(() => {})
  await calls[0]?.write(json({ choices: [], usage }))
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]))
  expect(gateway.clock.waiting).toBe(0)
  expect(gateway.log).toEqual([])
})

it('charges the usage that was told before the client left', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => call.write(sseHead() + chunk(delta + stop + told).toString()))
  const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
  const leaving = new AbortController()
  const response = await gateway.post(body, { signal: leaving.signal })
  await response.body?.getReader().read()
  leaving.abort()
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]))
})

it('waits for all calls of a handler for their usage', async () => {
  const upstream = await scripted()
  const calls: UpstreamCall[] = []
  upstream.script((call) => void calls.push(call))
  const request = { path: '/v1/chat/completions', body: { model: 'm', messages: [] } }
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { whenClientLeaves: { drain: {} } },
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        await Promise.all([made.call(lazu, request), made.call(lazu, request)])
      },
    }),
  })
  const leaving = new AbortController()
  const response = gateway.post(request.body, { signal: leaving.signal })
  response.catch(() => {})
  await vi.waitFor(() => expect(calls).toHaveLength(2))
  leaving.abort()
  await response.catch(() => {})
  for (const call of calls.toReversed()) await call.write(json({ choices: [], usage }))
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 16 }]))
})
