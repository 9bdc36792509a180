import { once } from 'node:events'
import { chunk, json, sseHead, type UpstreamStep } from '@lazu/testkit'
import { describe, expect, it, vi } from 'vitest'
import { scripted, startGateway, type TestGateway } from '../../packages/upstream/test/gateway.js'
import { apis, price, type Api, type Door } from './apis.js'
import { forwarding } from './routes.js'

describe.each(apis)('an upstream that fails $name', (api) => {
  const head = sseHead()

  it.each([
    {
      what: 'tells an error in its stream',
      rest: api.errorEvent,
      code: 'upstream_error',
      condition: 'upstream_rejected',
    },
    {
      what: 'breaks off',
      rest: (api.pieces[1] ?? '').slice(0, 20),
      code: 'upstream_network_error',
      condition: 'upstream_read_failed',
    },
  ])('makes the SDK throw when it $what', async ({ rest, code, condition }) => {
    const isSeen = new AbortController()
    const { gateway, door } = await start(api, async (call) => {
      await call.write(head + chunk(api.pieces[0] ?? '').toString())
      await once(isSeen.signal, 'abort')
      await call.write(chunk(rest))
      call.end()
    })
    const seen: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const event of api.stream(door)) {
        seen.push(event)
        isSeen.abort()
      }
    }
    const error: unknown = await read().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(api.error)
    expect(seen).toEqual([api.shows(api.pieces[0] ?? '')])
    const told = `${String(error)} ${JSON.stringify(error)}`
    expect(told.toLowerCase()).toContain(code)
    expect(told).not.toContain('CANARY')
    expect(gateway.failures).toMatchObject([{ condition, triesAnother: false }])
    await vi.waitFor(() => expect(gateway.ledger.balance('acme').held).toBe(0))
    expect(gateway.ledger.balance('acme').settled).toBe(api.brokenMicros ?? 0)
  })

  it('makes the SDK throw when no channel is left', async () => {
    const { gateway, door } = await start(api, limited)
    const error: unknown = await api.ask(door).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(api.error)
    expect(error).toMatchObject({ status: 503 })
    expect(String(error)).not.toContain('CANARY')
    const conditions = gateway.failures.map(({ condition }) => condition)
    expect(conditions).toEqual(['upstream_unavailable', 'upstream_unavailable'])
  })
})

const limited = json(
  { error: { message: 'CANARY' } },
  { status: 429, headers: { 'retry-after': '1' } },
)

// Google's does not try again by itself.
const retrying = apis.filter(({ name }) => !name.includes('genai'))

describe.concurrent('a 429 of all channels', () => {
  it.each(retrying)('makes the SDK wait as told: $name', async (api) => {
    let refusedAtMs = 0
    let askedAgainAtMs = 0
    const { gateway, door } = await start(
      api,
      limited,
      (call) => {
        refusedAtMs = performance.now()
        return call.write(limited)
      },
      (call) => {
        askedAgainAtMs = performance.now()
        return call.write(json(api.answer))
      },
    )
    expect(await api.ask({ ...door, maxRetries: 1 })).toMatchObject(api.answer)
    // By itself it would wait for half a second. A timer may go off a millisecond early.
    expect(askedAgainAtMs - refusedAtMs).toBeGreaterThanOrEqual(999)
    expect(gateway.failures).toHaveLength(2)
  })
})

interface Started {
  readonly gateway: TestGateway
  readonly door: Door
}

/** A gateway with two channels to one upstream. */
async function start(api: Api, ...steps: readonly UpstreamStep[]): Promise<Started> {
  const upstream = await scripted()
  upstream.script(...steps)
  const gateway = await startGateway({
    channels: ['one', 'two'].map((name) => ({ name, url: upstream.url, key: 'sk-upstream' })),
    gateway: { prices: { m: price }, ...api.gateway },
    routes: forwarding,
  })
  return { gateway, door: { url: gateway.url, key: gateway.headers.authorization.slice(7) } }
}
