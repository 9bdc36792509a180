import { exchangeBehind } from '@lazu/core'
import { chunk, json, lastChunk, sseEvent, sseHead, type UpstreamCall } from '@lazu/testkit'
import { expect, it, vi } from 'vitest'
import { harnesses, scripted, startGateway } from './gateway.js'

const usage = { prompt_tokens: 1, completion_tokens: 4 }
const delta = sseEvent({ data: { choices: [{ index: 0, delta: { content: 'Hel' } }] } })
const stop = sseEvent({ data: { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] } })
const told = sseEvent({ data: { choices: [], usage } })
const rest = chunk(stop + told + sseEvent('[DONE]')).toString() + lastChunk
const path = '/v1/chat/completions'

const answers = {
  'a stream': sseHead() + chunk(delta).toString() + rest,
  'a whole answer': json({ object: 'chat.completion', choices: [], usage }),
}
const onEach = harnesses.flatMap((harness) =>
  Object.entries(answers).map(([what, bytes]) => ({ name: harness.name, harness, what, bytes })),
)

it.each(onEach)(
  'tells a handler on $name at once that its client has left, and reads $what for its usage',
  async ({ harness, bytes }) => {
    const upstream = await scripted()
    const calls: UpstreamCall[] = []
    upstream.script((call) => void calls.push(call))
    const ended: unknown[] = []
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
      upstream: { whenClientLeaves: { drain: {} } },
      routes: (made) => ({
        'POST /v1/chat/completions': async ({ lazu }) => {
          try {
            await made.call(lazu, { path, body: { model: 'm', stream: true } })
            return {}
          } catch (error) {
            ended.push(error)
            throw error
          }
        },
      }),
    })
    const leaving = new AbortController()
    const response = gateway.post({ model: 'm' }, { signal: leaving.signal }).catch(() => {})
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    leaving.abort()
    await response
    await vi.waitFor(() => expect(ended).toMatchObject([{ name: 'AbortError' }]))
    expect(calls[0]?.isGone).toBe(false)
    expect(gateway.settled).toEqual([])
    await calls[0]?.write(bytes)
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]))
    expect(ended).toHaveLength(1)
    expect(gateway.clock.waiting).toBe(0)
    expect(gateway.failures).toEqual([])
    expect(gateway.log).toEqual([])
  },
)

it.each(harnesses)(
  'breaks off the body a handler on $name reads, and not what is read for its usage',
  async (harness) => {
    const upstream = await scripted()
    const calls: UpstreamCall[] = []
    upstream.script(async (call) => {
      calls.push(call)
      await call.write(sseHead() + chunk(delta).toString())
    })
    const ended: unknown[] = []
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
      upstream: { whenClientLeaves: { drain: {} } },
      routes: (made) => ({
        'POST /v1/chat/completions': async ({ lazu }) => {
          const answer = await made.call(lazu, { path, body: { model: 'm', stream: true } })
          // As pipeline() does.
          exchangeBehind(lazu).raw.response.on('close', () => void answer.body.destroy())
          try {
            for await (const piece of answer.body) ended.push(String(piece))
            return {}
          } catch (error) {
            ended.push(error)
            throw error
          }
        },
      }),
    })
    const leaving = new AbortController()
    const response = gateway.post({ model: 'm' }, { signal: leaving.signal }).catch(() => {})
    await vi.waitFor(() => expect(ended).toEqual([delta]))
    leaving.abort()
    await response
    await vi.waitFor(() => expect(ended).toMatchObject([delta, { name: 'AbortError' }]))
    expect(calls[0]?.isGone).toBe(false)
    await calls[0]?.write(rest)
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]))
    expect(gateway.clock.waiting).toBe(0)
    expect(gateway.failures).toEqual([])
    expect(gateway.log).toEqual([])
  },
)

it('goes on with a drain when the handler’s buffers were full', async () => {
  const upstream = await scripted()
  const calls: UpstreamCall[] = []
  upstream.script(async (call) => {
    calls.push(call)
    await call.write(sseHead())
    const event = sseEvent({
      data: { choices: [{ index: 0, delta: { content: 'x'.repeat(10_000) } }] },
    })
    for (let sent = 0; sent < 2_500; sent++) await call.write(chunk(event))
    await call.write(rest)
  })
  const ended: unknown[] = []
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    upstream: { whenClientLeaves: { drain: {} } },
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        const answer = await made.call(lazu, { path, body: { model: 'm', stream: true } })
        await new Promise((resolve) => {
          answer.body.on('error', (error) => {
            ended.push(error)
            resolve(undefined)
          })
        })
        return {}
      },
    }),
  })
  const leaving = new AbortController()
  const response = gateway.post({ model: 'm' }, { signal: leaving.signal }).catch(() => {})
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  let before = -1
  let times = 0
  await vi.waitFor(
    () => {
      times = calls[0]?.bytesSent === before ? times + 1 : 0
      before = calls[0]?.bytesSent ?? 0
      expect(times).toBe(10)
    },
    { timeout: 10_000 },
  )
  expect(before).toBeLessThan(20_000_000)
  leaving.abort()
  await response
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]), {
    timeout: 10_000,
  })
  expect(ended).toMatchObject([{ name: 'AbortError' }])
})
