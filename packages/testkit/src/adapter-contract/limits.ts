import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { GatewayOptions } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Handler, Harness, RunningApp } from '../harness.js'
import { ask, askUntilGivenBack, expectError, type Answer } from './client.js'
import { serve, World, type MakeLimitStore } from './world.js'

/** Tells the handler's view of the limits. */
const tellLimits: Handler = ({ lazu }) => ({ limits: lazu.limits })

/** Requests and tokens a minute. */
export function describeLimits(harness: Harness, makeLimitStore?: MakeLimitStore): void {
  const makeWorld = (): World => new World(makeLimitStore)

  async function start(world: World, options: GatewayOptions): Promise<RunningApp> {
    return serve(harness, {
      gateway: world.gateway(options),
      routes: { 'GET /ok': tellLimits, 'POST /chat': tellLimits },
    })
  }

  describe('requests a minute', () => {
    it('let through exactly ten of two hundred at once', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, { limits: { rpm: 10 } })
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => ask(server, 'GET /ok', { key })),
      )
      const passed = answers.filter(({ status }) => status === 200)
      expect(passed).toHaveLength(10)
      for (const answer of answers) {
        if (answer.status !== 200) expectError(answer, 429, 'request_rate_limit_exceeded')
      }
      expect(world.happened.refused).toHaveLength(190)
    })

    it.each([60, 7, 1_000])(
      'announce a wait that is enough, and no more than it (%i)',
      async (rpm) => {
        const world = makeWorld()
        const key = await world.key()
        const server = await start(world, { limits: { rpm, burst: 2 } })
        const get = () => ask(server, 'GET /ok', { key })
        expect([(await get()).status, (await get()).status]).toEqual([200, 200])

        const refused = await get()
        expectError(refused, 429, 'request_rate_limit_exceeded')
        const waitMs = Number(refused.headers.get('retry-after-ms'))
        expect(waitMs).toBe(Math.ceil(60_000 / rpm))
        expect(refused.headers.get('retry-after')).toBe(
          String(Math.max(1, Math.ceil(waitMs / 1000))),
        )
        world.clock.advance(waitMs - 50)
        expect((await get()).status).toBe(429)
        world.clock.advance(50)
        expect([(await get()).status, (await get()).status]).toEqual([200, 429])
      },
    )

    it('are told in headers of what passes and of what does not', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, { limits: { rpm: 2 } })
      expect(rateHeaders(await ask(server, 'GET /ok', { key }))).toEqual(['2', '1', '30s'])
      expect(rateHeaders(await ask(server, 'GET /ok', { key }))).toEqual(['2', '0', '1m0s'])
      const refused = await ask(server, 'GET /ok', { key })
      const { message, details } = expectError(refused, 429, 'request_rate_limit_exceeded')
      expect(rateHeaders(refused)).toEqual(['2', '0', '1m0s'])
      expect(message).toBe('Request rate limit exceeded (2/min)')
      expect(details).toEqual({ rule: 'rpm', limit: 2 })
    })

    it('are counted for each key, and by address where there is no key', async () => {
      const world = makeWorld()
      const server = await start(world, { limits: { rpm: 1 } })
      for (const key of [await world.key(), await world.key()]) {
        expect((await ask(server, 'GET /ok', { key })).status).toBe(200)
        expect((await ask(server, 'GET /ok', { key })).status).toBe(429)
      }
      const options = {
        ...world.counted,
        limits: { rpm: 1 },
        trustProxies: 1,
        clock: world.clock,
      }
      const keyless = await serve(harness, { gateway: options, routes: { 'GET /ok': tellLimits } })
      const statuses: number[] = []
      for (const from of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '2001:db8::1', '2001:db8::2']) {
        const headers = { 'x-forwarded-for': from }
        statuses.push((await ask(keyless, 'GET /ok', { headers })).status)
      }
      expect(statuses).toEqual([200, 200, 429, 200, 429])
    })

    it("are the key's own or its tier's where it has any", async () => {
      const world = makeWorld()
      const tiers = { small: { rpm: 2 }, large: { rpm: 4 } }
      const server = await start(world, { limits: { rpm: 1 }, tiers })
      const passing = async (key: string): Promise<number> => {
        let passed = 0
        for (let count = 0; count < 8; count++) {
          if ((await ask(server, 'GET /ok', { key })).status === 200) passed++
        }
        return passed
      }
      expect(await passing(await world.key())).toBe(1)
      expect(await passing(await world.key({ tier: 'small' }))).toBe(2)
      expect(await passing(await world.key({ tier: 'large' }))).toBe(4)
      expect(await passing(await world.key({ tier: 'large', limits: { rpm: 3 } }))).toBe(3)
    })

    it('are counted by any limiter of rate-limiter-flexible', async () => {
      const world = makeWorld()
      const key = await world.key()
      const limiter = new RateLimiterMemory({ points: 3, duration: 60 })
      const server = await start(world, { limits: { limiter } })
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => ask(server, 'GET /ok', { key })),
      )
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
      const refused = await ask(server, 'GET /ok', { key })
      const { details } = expectError(refused, 429, 'request_rate_limit_exceeded')
      expect(details).toEqual({ rule: 'rpm', limit: 3 })
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(59)
      expect(rateHeaders(refused).slice(0, 2)).toEqual(['3', '0'])
    })

    it('work as lazuRateLimit alone', async () => {
      const { common, counted } = makeWorld()
      const options = { limits: { rpm: 1 }, ...common, ...counted }
      const server = await serve(harness, {
        guards: { before: [{ name: 'lazuRateLimit', options }] },
        routes: { 'GET /ok': tellLimits },
      })
      expect((await ask(server, 'GET /ok')).status).toBe(200)
      expectError(await ask(server, 'GET /ok'), 429, 'request_rate_limit_exceeded')
    })
  })

  describe('tokens a minute', () => {
    it('take the estimate, and put right by the usage what it took', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { tpm: 1_000 } }),
        routes: {
          'POST /chat': ({ lazu, body }) => {
            const usage: unknown = Reflect.get(Object(body), 'usage')
            if (typeof usage === 'object' && usage !== null) lazu.charge(usage)
            return { limits: lazu.limits }
          },
        },
      })
      const post = (body: object) => ask(server, 'POST /chat', { key, body })
      const usage = { input_tokens: 10, output_tokens: 15 }
      expect((await post({ max_tokens: 900, usage })).status).toBe(200)
      // 975 are left, so the estimate of this one fits.
      const body = { max_tokens: 900 }
      expect((await askUntilGivenBack(server, 'POST /chat', { key, body })).status).toBe(200)
      const refused = await post({ max_tokens: 900 })
      const { message } = expectError(refused, 429, 'token_rate_limit_exceeded')
      expect(message).toBe('Token rate limit exceeded (1000/min)')
      expect(refused.headers.get('x-ratelimit-limit-tokens')).toBe('1000')
      world.clock.advance(Number(refused.headers.get('retry-after-ms')))
      expect((await post({ max_tokens: 900 })).status).toBe(200)
    })

    it('are not spent by what was refused or failed', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ limits: { tpm: 1_000 } }),
        routes: { 'POST /chat': ({ lazu }) => lazu.fail('upstream_unavailable') },
      })
      for (let count = 0; count < 5; count++) {
        const body = { max_tokens: 900 }
        const answer = await askUntilGivenBack(server, 'POST /chat', { key, body })
        expectError(answer, 503, 'upstream_error')
      }
    })

    it('refuse for good what no bucket could ever hold', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, { limits: { rpm: 10, tpm: 1_000 } })
      const answer = await ask(server, 'POST /chat', { key, body: { max_tokens: 5_000 } })
      expectError(answer, 400, 'invalid_request')
      expect(answer.headers.get('retry-after')).toBe(null)
    })
  })

  describe('several rules', () => {
    it('take nothing when one of them refuses', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, {
        limits: [{ rpm: 5 }, { name: 'team', rpm: 1, by: (exchange) => exchange.header('x-team') }],
      })
      const get = (team: string) => ask(server, 'GET /ok', { key, headers: { 'x-team': team } })
      expect(remaining(await get('a'))).toEqual({ rpm: 4, team: 0 })
      for (let count = 0; count < 3; count++) {
        const { details } = expectError(await get('a'), 429, 'request_rate_limit_exceeded')
        expect(details).toEqual({ rule: 'team', limit: 1 })
      }
      expect(remaining(await get('b'))).toEqual({ rpm: 3, team: 0 })
    })

    it('give requests back when tokens are refused once the body is there', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, { limits: { rpm: 10, tpm: 1_000 } })
      const post = (cap: number) => ask(server, 'POST /chat', { key, body: { max_tokens: cap } })
      expect(remaining(await post(900))).toMatchObject({ rpm: 9 })
      for (let count = 0; count < 5; count++) {
        expectError(await post(900), 429, 'token_rate_limit_exceeded')
      }
      expect(remaining(await post(1))).toMatchObject({ rpm: 8 })
    })

    it('keep the request count when it is the body that is wrong', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, { limits: { rpm: 2, tpm: 1_000 } })
      const post = (cap: number) => ask(server, 'POST /chat', { key, body: { max_tokens: cap } })
      expectError(await post(-1), 422, 'invalid_request', 'max_tokens')
      expectError(await post(-1), 422, 'invalid_request', 'max_tokens')
      expectError(await post(1), 429, 'request_rate_limit_exceeded')
    })

    it('say the longest wait of those that refuse', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, {
        limits: [
          { name: 'quick', rpm: 60, burst: 1 },
          { name: 'slow', rpm: 6, burst: 1 },
        ],
      })
      await ask(server, 'GET /ok', { key })
      const refused = await ask(server, 'GET /ok', { key })
      const { details } = expectError(refused, 429, 'request_rate_limit_exceeded')
      expect(details).toMatchObject({ rule: 'slow' })
      expect(refused.headers.get('retry-after')).toBe('10')
    })

    it('refuse nobody in observe mode, and tell what they would have refused', async () => {
      const world = makeWorld()
      const key = await world.key()
      const server = await start(world, {
        limits: [
          { name: 'try', rpm: 1, mode: 'observe' },
          // More than one: a place is given back a moment after the client has its answer.
          { name: 'busy', concurrency: 3, mode: 'observe' },
        ],
      })
      for (let count = 0; count < 9; count++) {
        expect((await ask(server, 'GET /ok', { key })).status).toBe(200)
      }
      const observed = { rule: 'try', unit: 'requests', limit: 1, account: 'acme' }
      expect(world.happened.observed).toMatchObject(Array.from({ length: 8 }, () => observed))
      expect(world.happened.refused).toEqual([])
    })
  })
}

function rateHeaders({ headers }: Answer): (string | null)[] {
  return ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}-requests`))
}

/** What is left of each rule, by its name, as the handler saw it. */
function remaining({ text }: Answer): Record<string, number> {
  const { limits }: { limits: { rule: string; remaining: number }[] } = JSON.parse(text)
  return Object.fromEntries(limits.map(({ rule, remaining: left }) => [rule, left]))
}
