import { once } from 'node:events'
import { GatewayError, usd } from '@lazu/core'
import { chunk, json, sse, sseEvent, sseHead } from '@lazu/testkit'
import { expect, it, vi } from 'vitest'
import { harnesses, scripted, startGateway } from './gateway.js'

const usage = { prompt_tokens: 1, completion_tokens: 4 }
const good = json({ object: 'chat.completion', choices: [], usage })
const delta = sseEvent({ data: { choices: [{ index: 0, delta: { content: 'Hel' } }] } })
const path = '/v1/chat/completions'

it.each(harnesses)(
  'gives a handler on $name an answer, and charges all its calls',
  async (harness) => {
    const upstream = await scripted()
    upstream.script(good)
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
      routes: (made) => ({
        'POST /v1/chat/completions': async ({ lazu }) => {
          const first = await made.call(lazu, { path, body: { model: 'm', messages: [] } })
          const second = await made.call(lazu, { path, body: { model: 'm', messages: ['b'] } })
          return { first: await first.json(), second: second.status }
        },
      }),
    })
    const response = await gateway.post({ model: 'm' })
    expect(await response.json()).toMatchObject({ first: { usage }, second: 200 })
    expect(upstream.requests.map((request) => JSON.parse(request.body))).toEqual([
      { model: 'm', messages: [] },
      { model: 'm', messages: ['b'] },
    ])
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 16 }]))
  },
)

it('lets a handler’s own charge win', async () => {
  const upstream = await scripted()
  upstream.script(good)
  for (const isFirst of [true, false]) {
    const gateway = await startGateway({
      channels: [{ name: 'one', url: upstream.url, key: 'k' }],
      routes: (made) => ({
        'POST /v1/chat/completions': async ({ lazu }) => {
          if (isFirst) lazu.charge({ micros: 3 })
          const answer = await made.call(lazu, { path, body: { model: 'm' } })
          if (!isFirst) lazu.charge({ micros: 3 })
          return answer.json()
        },
      }),
    })
    await gateway.post({ model: 'm' })
    await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 3 }]))
  }
})

it('gives a stream as it comes, and charges it when it was read', async () => {
  const upstream = await scripted()
  const done = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
  upstream.script(sse({ data: done }, { data: { choices: [], usage } }, '[DONE]'))
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        const answer = await made.call(lazu, { path, body: { model: 'm', stream: true } })
        let text = ''
        for await (const piece of answer.body) text += String(piece)
        return { text, type: answer.contentType }
      },
    }),
  })
  const response = await gateway.post({ model: 'm' })
  expect(await response.json()).toEqual({
    text: sseEvent({ data: done }) + sseEvent('[DONE]'),
    type: 'text/event-stream; charset=utf-8',
  })
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 }]))
})

it('throws what no channel could answer, also into a stream that was begun', async () => {
  const upstream = await scripted()
  upstream.script(json({}, { status: 500 }), async (call) => {
    await call.write(sseHead() + chunk(delta).toString())
    await new Promise((resolve) => void setTimeout(resolve, 20))
    call.reset()
  })
  const caught: unknown[] = []
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        const asked = { path, body: { model: 'm', stream: true } }
        await made.call(lazu, asked).catch((error: unknown) => caught.push(error))
        const answer = await made.call(lazu, asked)
        try {
          for await (const piece of answer.body) caught.push(String(piece))
        } catch (error) {
          caught.push(error)
        }
        return {}
      },
    }),
  })
  await gateway.post({ model: 'm' })
  expect(caught).toEqual([expect.any(GatewayError), delta, expect.any(GatewayError)])
  expect(gateway.failures.map(({ condition }) => condition)).toEqual([
    'upstream_rejected',
    'upstream_read_failed',
  ])
})

it('ends a call whose client has left, or whose body is not wanted', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => call.write(sseHead() + chunk(delta).toString()))
  const ended: unknown[] = []
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu, body }) => {
        const answer = await made.call(lazu, { path, body: { model: 'm', stream: true } })
        if (JSON.stringify(body).includes('unwanted')) {
          answer.body.destroy()
          return {}
        }
        try {
          for await (const piece of answer.body) ended.push(String(piece))
        } catch (error) {
          ended.push(error)
        }
        return {}
      },
    }),
  })
  expect((await gateway.post({ model: 'm', user: 'unwanted' })).status).toBe(200)
  await vi.waitFor(() => expect(upstream.open).toBe(0))
  const leaving = new AbortController()
  const response = gateway.post({ model: 'm' }, { signal: leaving.signal }).catch(() => {})
  await vi.waitFor(() => expect(ended).toEqual([delta]))
  leaving.abort()
  await response
  await vi.waitFor(() => expect(ended).toMatchObject([delta, { name: 'AbortError' }]))
  await vi.waitFor(() => expect(upstream.open).toBe(0))
  expect(gateway.clock.waiting).toBe(0)
})

it('reads no more from an upstream than its handler does', async () => {
  const upstream = await scripted()
  let sent = 0
  upstream.script(async (call) => {
    await call.write(sseHead())
    const event = sseEvent({
      data: { choices: [{ index: 0, delta: { content: 'x'.repeat(10_000) } }] },
    })
    for (; sent < 5_000 && !call.isGone; sent++) await call.write(chunk(event))
  })
  const seen = new AbortController()
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        const answer = await made.call(lazu, { path, body: { model: 'm', stream: true } })
        await once(seen.signal, 'abort')
        const held = answer.body.readableLength
        answer.body.destroy()
        return { held }
      },
    }),
  })
  const response = gateway.post({ model: 'm' })
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
  expect(sent).toBeLessThan(5_000)
  seen.abort()
  const { held }: { held: number } = JSON.parse(await (await response).text())
  expect(held).toBeLessThan(200_000)
})

it('charges each call at the price of its own model and lane, and none that failed', async () => {
  const upstream = await scripted()
  upstream.script(good)
  const failing = await scripted()
  failing.script(json({ error: { message: 'no' } }, { status: 500 }))
  const lanes = { direct: { input: 0, output: usd(2) }, cheap: { input: 0, output: usd(1) } }
  const channel = { url: upstream.url, key: 'k' }
  const gateway = await startGateway({
    channels: [],
    models: {
      m: [{ ...channel, name: 'direct', lane: 'direct' }],
      unpriced: [{ ...channel, name: 'cheap', lane: 'cheap' }],
      dear: [{ ...channel, name: 'dear' }],
      bad: [{ ...channel, name: 'bad', url: failing.url, lane: 'cheap' }],
    },
    gateway: { prices: { m: { lanes }, dear: { input: 0, output: usd(10), call: 100 } } },
    routes: (made) => ({
      'POST /v1/chat/completions': async ({ lazu }) => {
        const ask = async (model: string): Promise<number> =>
          (await made.call(lazu, { path, body: { model } })).status
        const answers = [await ask('m'), await ask('unpriced'), await ask('dear')]
        return { answers, failed: await ask('bad').catch(() => 'failed') }
      },
    }),
  })
  const response = await gateway.post({ model: 'm' })
  expect(await response.json()).toEqual({ answers: [200, 200, 200], failed: 'failed' })
  await vi.waitFor(() => expect(gateway.settled).toMatchObject([{ amount: 8 + 4 + 40 }]))
})
