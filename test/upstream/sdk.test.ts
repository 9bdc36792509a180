import { json, type ScriptedUpstream } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import {
  harnesses,
  scripted,
  startGateway,
  type TestGateway,
} from '../../packages/upstream/test/gateway.js'
import { apis, price, type Api, type Door } from './apis.js'
import { forwarding } from './routes.js'
import { SteppedStream } from './turns.js'

describe.each(harnesses)('the official SDKs through a gateway on $name', (harness) => {
  describe.each(apis)('$name', (api) => {
    const shown = api.shownPieces ?? api.pieces

    it('gets a stream event by event, each before the next one is sent', async () => {
      const stream = new SteppedStream(api.pieces)
      const { gateway, door } = await start(api, stream)
      const seen: unknown[] = []
      for await (const event of api.stream(door)) {
        seen.push(event)
        stream.seen()
      }
      expect(seen).toEqual(shown.map((piece) => api.shows(piece)))
      await expectCharged(gateway, api.micros)
    })

    it('gets the bytes that were sent, and each event as soon as it was', async () => {
      const stream = new SteppedStream(api.pieces)
      const { gateway } = await start(api, stream)
      const response = await gateway.post(api.streamBody, { path: api.streamPath })
      expect(response.status).toBe(200)
      const ends = shown.map((_, index) => Buffer.byteLength(shown.slice(0, index + 1).join('')))
      let bytes = Buffer.alloc(0)
      for await (const part of response.body ?? []) {
        bytes = Buffer.concat([bytes, part])
        if (ends.includes(bytes.length)) stream.seen()
      }
      expect(bytes.toString()).toBe(shown.join(''))
      await expectCharged(gateway, api.micros)
    })

    it('gets an answer in one piece, and its bytes as they were sent', async () => {
      const { gateway, door, upstream } = await start(api)
      const body = ` ${JSON.stringify(api.answer, null, 1)}\n`
      upstream.script(json(body))
      expect(await api.ask(door)).toMatchObject(api.answer)
      await expectCharged(gateway, api.micros)
      const response = await gateway.post(api.body, { path: api.path })
      expect(await response.text()).toBe(body)
      await expectCharged(gateway, api.micros, 2)
    })
  })

  async function start(api: Api, stream?: SteppedStream): Promise<Started> {
    const upstream = await scripted()
    if (stream !== undefined) upstream.script(stream.step)
    const gateway = await startGateway({
      harness,
      channels: [{ name: 'one', url: upstream.url, key: 'sk-upstream' }],
      gateway: { prices: { m: price }, ...api.gateway },
      routes: forwarding,
    })
    const door: Door = { url: gateway.url, key: gateway.headers.authorization.slice(7) }
    return { upstream, gateway, door }
  }
})

interface Started {
  readonly upstream: ScriptedUpstream
  readonly gateway: TestGateway
  readonly door: Door
}

async function expectCharged({ settled }: TestGateway, amount: number, times = 1): Promise<void> {
  const expected = Array.from({ length: times }, () => ({ amount, ended: 'settled' }))
  await vi.waitFor(() => expect(settled).toMatchObject(expected))
}
