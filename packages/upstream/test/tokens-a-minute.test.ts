import { once } from 'node:events'
import { chunk, json, lastChunk, sseEvent, sseHead } from '@lazu/testkit'
import { expect, it, vi } from 'vitest'
import { scripted, startGateway } from './gateway.js'

const delta = (content: string): string =>
  JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const stop = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
const usage = { prompt_tokens: 10, completion_tokens: 500, total_tokens: 510 }

it('counts a stream against the tokens a minute while it flows, and then by its usage', async () => {
  const upstream = await scripted()
  const goOn = new AbortController()
  upstream.script(
    async (call) => {
      // 32,000 letters are about 8,000 tokens, and far more than was estimated.
      for (let event = 0; event < 8; event++) {
        await call.write((event === 0 ? sseHead() : '') + chunk(sseEvent(delta('x'.repeat(4_000)))))
      }
      await once(goOn.signal, 'abort')
      const told = sseEvent(JSON.stringify({ choices: [], usage }))
      await call.write(chunk(sseEvent(stop) + told + sseEvent('[DONE]')))
      await call.write(lastChunk)
    },
    json(JSON.stringify({ id: '1', choices: [], usage })),
  )
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    gateway: { limits: { tpm: 10_000 }, defaultOutputTokens: 100 },
  })
  const streaming = await gateway.post({ model: 'm', messages: [], stream: true })
  const reader = streaming.body?.getReader()
  for (let bytes = 0; bytes < 32_000;) bytes += (await reader?.read())?.value?.length ?? Infinity

  const large = { model: 'm', messages: [], max_tokens: 5_000 }
  const refused = await gateway.post(large)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(2_100)

  goOn.abort()
  while ((await reader?.read())?.done === false);
  await vi.waitFor(() => expect(gateway.settled).toHaveLength(1))
  // What is left of 10,000 after 510 tokens, and after the estimate of this request.
  const served = await gateway.post(large)
  expect(served.status).toBe(200)
  const remaining = Number(served.headers.get('x-ratelimit-remaining-tokens'))
  expect(remaining).toBeGreaterThan(4_400)
  expect(remaining).toBeLessThan(4_500)
})

it('never takes more for a stream than was estimated until it has flowed', async () => {
  const upstream = await scripted()
  upstream.script(async (call) => {
    await call.write(sseHead() + chunk(sseEvent(delta('x'.repeat(4_000)))).toString())
    await call.gone
  })
  const gateway = await startGateway({
    channels: [{ name: 'one', url: upstream.url, key: 'k' }],
    gateway: { limits: { tpm: 10_000 } },
  })
  const streaming = await gateway.post({
    model: 'm',
    messages: [],
    stream: true,
    max_tokens: 4_000,
  })
  const reader = streaming.body?.getReader()
  await reader?.read()
  const other = await gateway.post({ model: 'm', messages: [], max_tokens: 9_000 })
  expect(other.status).toBe(429)
  const remaining = Number(other.headers.get('x-ratelimit-remaining-tokens'))
  expect(remaining).toBeGreaterThan(5_900)
  expect(remaining).toBeLessThanOrEqual(6_000)
  await reader?.cancel()
})
