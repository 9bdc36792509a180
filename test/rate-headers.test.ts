import { TokenBucketMemory, type DialectName, type GatewayOptions } from '@lazu/core'
import { FakeClock, type Harness } from '@lazu/testkit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { describe, expect, it } from 'vitest'
import { harnesses } from './contracts/frameworks.js'
import { send, type Received } from './contracts/http.js'
import {
  expectRoundedUp,
  goDurationMs,
  leftOf,
  policiesOf,
  rateHeaders,
  rfc3339Ms,
  startMs,
} from './rate-header-forms.js'
import { serve } from './serve.js'

const dialects: readonly DialectName[] = ['lazu', 'tokendog', 'lemondata', 'chuizi', 'foza']

/** A server with limits by the caller's address, and a handler that says what it used. */
async function start(harness: Harness, options: GatewayOptions) {
  const clock = new FakeClock(startMs)
  const server = await serve(harness, {
    gateway: { clock, ...options },
    routes: Object.fromEntries(
      ['/v1/models', '/v1/messages', '/v1beta/models', '/anthropic/v1/messages'].map((path) => [
        `GET ${path}`,
        ({ lazu, raw }) => {
          const used = Number(raw.request.headers['x-used'] ?? 0)
          lazu.charge({ inputTokens: used, outputTokens: 0 })
          return { ok: true }
        },
      ]),
    ),
  })
  const get = (path = '/v1/models', used = 0): Promise<Received> =>
    send(server, `GET ${path}`, { headers: { 'x-used': String(used) } })
  return { clock, get }
}

describe.each(harnesses)('on $name', (harness) => {
  describe('RateLimit and RateLimit-Policy', () => {
    it('tell every rule on success and on refusal, whatever it is called', async () => {
      const names = ['say "hi"', String.raw`back\slash\"`, 'größe 你好 🙂', 'a\r\nset-cookie: b']
      const { clock, get } = await start(harness, {
        rateLimitFields: true,
        limits: [
          { name: names[0], rpm: 60, burst: 2 },
          { name: names[1], rpm: 7 },
          { name: names[2], rpm: 1_000_000 },
          { name: names[3], tpm: 50_000 },
          { name: 'watched', rpm: 1, mode: 'observe' },
          { name: 'at once', concurrency: 10 },
        ],
      })
      const asSent = ['say "hi"', String.raw`back\slash\"`, 'gr??e ?? ?', 'a??set-cookie: b']
      const first = await get()
      expect(first.status).toBe(200)
      expect(policiesOf(first)).toEqual([
        [asSent[0], { q: 60, w: 60 }],
        [asSent[1], { q: 7, w: 60 }],
        [asSent[2], { q: 1_000_000, w: 60 }],
        [asSent[3], { q: 50_000, w: 60 }],
      ])
      expect(leftOf(first)).toEqual([
        [asSent[0], { r: 1, t: 1 }],
        [asSent[1], { r: 6, t: 9 }],
        [asSent[2], { r: 999_999, t: 1 }],
        // Full: no more will be there.
        [asSent[3], { r: 50_000, t: 0 }],
      ])
      expect(first.headers.get('set-cookie')).toBe(null)

      await get()
      const refused = await get()
      expect(refused.status).toBe(429)
      expect(policiesOf(refused)).toEqual(policiesOf(first).slice(0, 3))
      expect(leftOf(refused)).toEqual([
        [asSent[0], { r: 0, t: 1 }],
        [asSent[1], { r: 5, t: 9 }],
        [asSent[2], { r: 999_998, t: 1 }],
      ])
      clock.advance(1_000)
      expect((await get()).status).toBe(200)
    })

    it.each([1, 7, 45, 59, 60, 61, 1_000])(
      'say when one request more is there, to the second (%i a minute)',
      async (rpm) => {
        const { clock, get } = await start(harness, {
          rateLimitFields: true,
          limits: { rpm, burst: 3 },
        })
        const numbers = async () => leftOf(await get())[0]?.[1]
        expect(await numbers()).toMatchObject({ r: 2 })
        expect(await numbers()).toMatchObject({ r: 1 })
        const { t = 0 } = (await numbers()) ?? {}
        expect(t).toBe(Math.ceil(60 / rpm))
        clock.advance((t - 1) * 1_000)
        const early = await get()
        expect(early.status).toBe(429)
        expect(leftOf(early)).toEqual([['rpm', { r: 0, t: 1 }]])
        clock.advance(1_000)
        expect((await get()).status).toBe(200)
      },
    )

    it('say when a debt of tokens is paid', async () => {
      const { clock, get } = await start(harness, {
        rateLimitFields: true,
        limits: { tpm: 600 },
      })
      expect(leftOf(await get('/v1/models', 2_000))).toEqual([['tpm', { r: 600, t: 0 }]])
      // Ten tokens a second: 1,400 below nothing, and one more.
      const refused = await get()
      expect(refused.status).toBe(429)
      expect(leftOf(refused)).toEqual([['tpm', { r: 0, t: 141 }]])
      clock.advance(140_000)
      expect(leftOf(await get())).toEqual([['tpm', { r: 0, t: 1 }]])
      clock.advance(1_000)
      expect(leftOf(await get())[0]?.[1]['r']).toBeGreaterThanOrEqual(1)
    })

    it('tell what is left of the requests when it is the tokens that refuse', async () => {
      const { get } = await start(harness, {
        rateLimitFields: true,
        limits: { rpm: 10, tpm: 600 },
      })
      await get('/v1/models', 2_000)
      const refused = await get()
      expect(refused.status).toBe(429)
      // The request that was refused took none.
      expect(leftOf(refused)).toEqual([
        ['rpm', { r: 9, t: 6 }],
        ['tpm', { r: 0, t: 141 }],
      ])
      expect(rateHeaders(refused)).toMatchObject({
        'x-ratelimit-remaining-requests': '9',
        'x-ratelimit-reset-requests': '6s',
        'x-ratelimit-remaining-tokens': '0',
      })
    })

    it('have the window of a limiter that was passed in', async () => {
      const { get } = await start(harness, {
        rateLimitFields: true,
        limits: [
          { name: 'day', limiter: new RateLimiterMemory({ points: 1_000, duration: 86_400 }) },
          { name: 'ever', limiter: new RateLimiterMemory({ points: 5, duration: 0 }) },
        ],
      })
      const first = await get()
      expect(policiesOf(first)).toEqual([
        ['day', { q: 1_000, w: 86_400 }],
        ['ever', { q: 5 }],
      ])
      expect(leftOf(first)).toEqual([
        ['day', { r: 999, t: 86_400 }],
        ['ever', { r: 4, t: 0 }],
      ])
    })

    it('are right for a token bucket that was passed in', async () => {
      const clock = new FakeClock(startMs)
      const limiter = new TokenBucketMemory({ points: 30, duration: 3_600, burst: 2, clock })
      const { get } = await start(harness, { clock, rateLimitFields: true, limits: { limiter } })
      const first = await get()
      expect(policiesOf(first)).toEqual([['rpm', { q: 30, w: 3_600 }]])
      expect(leftOf(first)).toEqual([['rpm', { r: 1, t: 120 }]])
      expect(rateHeaders(first)).toMatchObject({ 'x-ratelimit-reset-requests': '2m0s' })
      await get()
      const refused = await get()
      expect(refused.headers.get('retry-after')).toBe('120')
      expect(rateHeaders(refused)).toMatchObject({ 'x-ratelimit-reset-requests': '4m0s' })
      clock.advance(120_000)
      expect((await get()).status).toBe(200)
    })

    it('can be read when somebody is blocked for ever', async () => {
      const clock = new FakeClock(startMs)
      const limiter = new TokenBucketMemory({ points: 30, clock })
      await limiter.block('everybody', 0)
      const limits = { limiter, by: () => 'everybody' }
      const { get } = await start(harness, { clock, rateLimitFields: true, limits })
      const refused = await get()
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('86400')
      const year = 365 * 86_400
      expect(leftOf(refused)).toEqual([['rpm', { r: 0, t: year }]])
      const resetMs = goDurationMs(refused.headers.get('x-ratelimit-reset-requests'))
      expect(resetMs).toBe(year * 1_000)
    })

    it('are there in every dialect and protocol when asked for, and else in none', async () => {
      for (const dialect of dialects) {
        for (const path of ['/v1/models', '/v1/messages', '/v1beta/models']) {
          const asked = await start(harness, {
            dialect,
            rateLimitFields: true,
            limits: { rpm: 1 },
          })
          const unasked = await start(harness, { dialect, limits: { rpm: 1 } })
          for (const status of [200, 429]) {
            const answer = await asked.get(path)
            expect(answer.status).toBe(status)
            expect(policiesOf(answer)).toEqual([['rpm', { q: 1, w: 60 }]])
            expect(leftOf(answer)).toEqual([['rpm', { r: 0, t: 60 }]])
            const without = await unasked.get(path)
            expect(without.status).toBe(status)
            expect(without.headers.get('ratelimit')).toBe(null)
            expect(without.headers.get('ratelimit-policy')).toBe(null)
          }
        }
      }
    })
  })

  describe("OpenAI's headers", () => {
    it('tell requests and tokens, with the time until they are all there', async () => {
      const { clock, get } = await start(harness, { limits: { rpm: 7, tpm: 90_000 } })
      for (let used = 1; used <= 7; used++) {
        const answer = await get('/v1/models', 100)
        const headers = rateHeaders(answer)
        expect(headers).toMatchObject({
          'x-ratelimit-limit-requests': '7',
          'x-ratelimit-remaining-requests': String(7 - used),
          'x-ratelimit-limit-tokens': '90000',
          'x-ratelimit-remaining-tokens': String(90_000 - (used - 1) * 100),
        })
        expect(Object.keys(headers)).toHaveLength(6)
        const { headers: all } = answer
        expectRoundedUp(goDurationMs(all.get('x-ratelimit-reset-requests')), (used * 60_000) / 7)
        expectRoundedUp(goDurationMs(all.get('x-ratelimit-reset-tokens')), ((used - 1) * 200) / 3)
      }
      const refused = await get()
      expect(refused.status).toBe(429)
      const resetMs = goDurationMs(refused.headers.get('x-ratelimit-reset-requests'))
      expect(resetMs).toBe(60_000)
      clock.advance(resetMs)
      expect(rateHeaders(await get())).toMatchObject({ 'x-ratelimit-remaining-requests': '6' })
    })

    it('tell the rule that must be waited for longest when two leave nothing', async () => {
      const { get } = await start(harness, {
        limits: [
          { name: 'quick', rpm: 60, burst: 1 },
          { name: 'slow', rpm: 6, burst: 1 },
        ],
      })
      await get()
      const refused = await get()
      expect(refused.headers.get('retry-after')).toBe('10')
      expect(refused.headers.get('x-ratelimit-reset-requests')).toBe('10s')
    })

    it('tell a debt that lasts for centuries in a duration Go can read', async () => {
      const { get } = await start(harness, { limits: { tpm: 1 } })
      await get('/v1/models', 1_000_000_000)
      const refused = await get()
      expect(refused.status).toBe(429)
      const year = 365 * 86_400_000
      expect(goDurationMs(refused.headers.get('x-ratelimit-reset-tokens'))).toBe(year)
    })
  })

  describe("Anthropic's headers", () => {
    it.each<[string, GatewayOptions]>([
      ['/v1/messages', { dialect: 'lemondata' }],
      ['/v1/messages', { dialect: 'chuizi' }],
      ['/anthropic/v1/messages', { dialect: 'chuizi' }],
      ['/v1/messages', { protocol: 'native' }],
      ['/v1/models', { protocol: 'anthropic' }],
    ])('are on %s with %j, with times in RFC 3339', async (path, options) => {
      const { clock, get } = await start(harness, { ...options, limits: { rpm: 7, tpm: 90_000 } })
      for (let used = 1; used <= 8; used++) {
        clock.advance(77)
        const answer = await get(path)
        expect(answer.status).toBe(used < 8 ? 200 : 429)
        const headers = rateHeaders(answer)
        expect(headers).toMatchObject({
          'anthropic-ratelimit-requests-limit': '7',
          'anthropic-ratelimit-requests-remaining': String(Math.max(0, 7 - used)),
        })
        const names = Object.keys(headers)
        expect(names.filter((name) => !name.startsWith('anthropic-'))).toEqual([])
        // What the head refuses never gets as far as the tokens.
        expect(names).toHaveLength(used < 8 ? 6 : 3)
        const missingMs = (Math.min(used, 7) * 60_000) / 7 - (used - 1) * 77
        expectRoundedUp(
          rfc3339Ms(answer.headers.get('anthropic-ratelimit-requests-reset')),
          clock.wallMs() + missingMs,
        )
        if (used < 8) {
          expectRoundedUp(
            rfc3339Ms(answer.headers.get('anthropic-ratelimit-tokens-reset')),
            clock.wallMs(),
          )
        }
      }
    })

    it('tell a debt that lasts for ever in a time RFC 3339 can say', async () => {
      const { clock, get } = await start(harness, { protocol: 'anthropic', limits: { tpm: 1 } })
      await Promise.all(Array.from({ length: 10 }, () => get('/v1/messages', 1_000_000_000)))
      const refused = await get('/v1/messages')
      expect(refused.status).toBe(429)
      const resetMs = rfc3339Ms(refused.headers.get('anthropic-ratelimit-tokens-reset'))
      expectRoundedUp(resetMs, clock.wallMs() + 365 * 86_400_000)
    })
  })

  it.each<DialectName>(['lemondata', 'chuizi'])(
    'X-RateLimit-Reset of %s is in Unix seconds',
    async (dialect) => {
      const { clock, get } = await start(harness, { dialect, limits: { rpm: 7, tpm: 90_000 } })
      for (let used = 1; used <= 8; used++) {
        const answer = await get()
        expect(answer.status).toBe(used < 8 ? 200 : 429)
        const headers = rateHeaders(answer)
        expect(headers).toEqual({
          'x-ratelimit-limit': '7',
          'x-ratelimit-remaining': String(Math.max(0, 7 - used)),
          'x-ratelimit-reset': expect.stringMatching(/^\d{10}$/),
        })
        const trueMs = clock.wallMs() + (Math.min(used, 7) * 60_000) / 7
        expectRoundedUp(Number(headers['x-ratelimit-reset']) * 1_000, trueMs)
      }
    },
  )

  it.each<DialectName>(['lemondata', 'chuizi'])(
    'X-RateLimit-* of %s tell tokens where only tokens are limited',
    async (dialect) => {
      const { clock, get } = await start(harness, { dialect, limits: { tpm: 600 } })
      await get('/v1/models', 100)
      expect(rateHeaders(await get())).toEqual({
        'x-ratelimit-limit': '600',
        'x-ratelimit-remaining': '500',
        'x-ratelimit-reset': String(Math.ceil((clock.wallMs() + 10_000) / 1_000)),
      })
    },
  )

  it.each<DialectName>(['tokendog', 'foza'])(
    '%s has none on success, and nothing but Retry-After on a refusal',
    async (dialect) => {
      const { get } = await start(harness, { dialect, limits: { rpm: 1, tpm: 100 } })
      for (const path of ['/v1/models', '/v1/messages', '/v1beta/models']) {
        const answer = await get(path)
        expect(answer.status).toBe(path === '/v1/models' ? 200 : 429)
        expect(rateHeaders(answer)).toEqual({})
        expect(answer.headers.get('retry-after')).toBe(answer.status === 429 ? '60' : null)
      }
    },
  )

  it.each<GatewayOptions>([
    { dialect: 'lemondata' },
    { dialect: 'chuizi' },
    { protocol: 'native' },
  ])('routes of the Gemini protocol have none with %j', async (options) => {
    const { get } = await start(harness, { ...options, limits: { rpm: 1 } })
    for (const status of [200, 429]) {
      const answer = await get('/v1beta/models')
      expect(answer.status).toBe(status)
      expect(rateHeaders(answer)).toEqual({})
    }
  })

  it('has none of any kind where nothing is limited', async () => {
    for (const dialect of dialects) {
      const { get } = await start(harness, { dialect, rateLimitFields: true })
      expect(rateHeaders(await get())).toEqual({})
    }
  })
})
