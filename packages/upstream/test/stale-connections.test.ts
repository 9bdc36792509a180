import { json, type UpstreamCall } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { scripted, startGateway } from './gateway.js'

const good = json({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })
const body = { model: 'm', messages: [] }
const ends: readonly (readonly [string, (call: UpstreamCall) => void])[] = [
  ['ends', (call) => call.end()],
  ['resets', (call) => call.reset()],
]

describe.each(ends)('an upstream that %s an idle connection just when it is used', (_, end) => {
  it('gets the request once more, on a new one', async () => {
    const upstream = await scripted()
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    upstream.script(good, end, good)
    expect((await gateway.post(body)).status).toBe(200)
    expect((await gateway.post(body)).status).toBe(200)
    expect(upstream.requests).toHaveLength(3)
    expect(upstream.accepted).toBe(2)
    expect(gateway.failures).toEqual([])
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 2 }, { amount: 2 }]))
    expect(gateway.clock.waiting).toBe(0)
    await gateway.upstream.close()
    await vi.waitFor(() => expect(upstream.open).toBe(0))
  })

  it('gets it no third time', async () => {
    const upstream = await scripted()
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    upstream.script(good, end)
    expect((await gateway.post(body)).status).toBe(200)
    expect((await gateway.post(body)).status).toBe(502)
    expect(upstream.requests).toHaveLength(3)
    expect(gateway.failures).toMatchObject([{ condition: 'upstream_unreachable' }])
    expect(gateway.clock.waiting).toBe(0)
  })

  it('does not get it again when it has had the time to work on it', async () => {
    const upstream = await scripted()
    const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
    upstream.script(good, (call) => {
      gateway.clock.advance(1_000)
      end(call)
    })
    expect((await gateway.post(body)).status).toBe(200)
    expect((await gateway.post(body)).status).toBe(502)
    expect(upstream.requests).toHaveLength(2)
  })
})

it('asks no upstream again that has begun to answer', async () => {
  const upstream = await scripted()
  const gateway = await startGateway({ channels: [{ name: 'one', url: upstream.url, key: 'k' }] })
  upstream.script(good, async (call) => {
    await call.write('HTTP/1.1 103 Early Hints\r\n\r\n')
    call.end()
  })
  expect((await gateway.post(body)).status).toBe(200)
  expect((await gateway.post(body)).status).toBe(502)
  expect(upstream.requests).toHaveLength(2)
})
