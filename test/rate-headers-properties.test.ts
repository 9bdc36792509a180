import { createGateway, type GatewayOptions, type LimitRule } from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BareExchange } from './bare-exchange.js'
import type { Received } from './contracts/http.js'
import {
  expectRoundedUp,
  goDurationMs,
  leftOf,
  policiesOf,
  rfc3339Ms,
  startMs,
} from './rate-header-forms.js'

/** A gateway without a server, for many requests. */
class Gateway {
  readonly clock = new FakeClock(startMs)
  readonly #pipeline

  constructor(options: GatewayOptions) {
    this.#pipeline = createGateway({ clock: this.clock, ...options }).pipeline
  }

  /** Sends a request, and has it charged for so many tokens. */
  ask(used = 0): Pick<Received, 'status' | 'headers'> {
    const exchange = new BareExchange('/v1/models')
    const { response } = exchange.raw
    const passed = this.#pipeline.enter(exchange, 'head') && this.#pipeline.enter(exchange, 'body')
    const headers = Object.entries(response.getHeaders()).map(([name, value]): [string, string] => [
      name,
      String(value),
    ])
    if (passed === true) exchange.charge({ inputTokens: used, outputTokens: 0 })
    // A response without a connection is over when it is destroyed.
    response.emit('close')
    return { status: passed === true ? 200 : response.statusCode, headers: new Headers(headers) }
  }
}

/** Requests with pauses between them, in milliseconds. */
const pauses = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 12 })

function rule(largest: number): fc.Arbitrary<LimitRule> {
  return fc.record(
    {
      rpm: fc.integer({ min: 1, max: largest }),
      burst: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: largest })),
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    },
    { requiredKeys: ['rpm'] },
  )
}

describe('whatever the limits are and however much of them was used', () => {
  it('t is when one more is there, to the second', () => {
    fc.assert(
      fc.property(rule(100_000), pauses, (limits, waits) => {
        const replay = (): [Gateway, number, number] => {
          const gateway = new Gateway({ rateLimitFields: true, limits })
          let answer = gateway.ask()
          for (const wait of waits) {
            gateway.clock.advance(wait)
            answer = gateway.ask()
          }
          const [[, { r = NaN, t = NaN }] = ['', {}]] = leftOf(answer)
          return [gateway, r, t]
        }
        const [early, left, seconds] = replay()
        expect(seconds).toBeGreaterThanOrEqual(1)
        early.clock.advance((seconds - 1) * 1_000)
        const tooSoon = early.ask()
        const leftThen = tooSoon.status === 429 ? -1 : leftOf(tooSoon)[0]?.[1]['r']
        expect(leftThen).toBe(left - 1)

        const [late] = replay()
        late.clock.advance(seconds * 1_000)
        const inTime = late.ask()
        expect(inTime.status).toBe(200)
        expect(leftOf(inTime)[0]?.[1]['r']).toBeGreaterThanOrEqual(left)
      }),
    )
  })

  it('the fields parse, and never tell more than there can be', () => {
    const rules = fc.array(
      fc.oneof(
        rule(Number.MAX_SAFE_INTEGER),
        fc.record({ tpm: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
      ),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(rules, pauses, fc.nat(1_000_000_000), (limits, waits, used) => {
        const gateway = new Gateway({ rateLimitFields: true, limits })
        for (const wait of waits) {
          const answer = gateway.ask(used)
          const policies = policiesOf(answer)
          const left = leftOf(answer)
          expect(left.map(([name]) => name)).toEqual(policies.map(([name]) => name))
          expect(policies.length).toBeGreaterThan(0)
          for (const [, { q = 0, w }] of policies) {
            expect([q, w]).toEqual([Math.max(1, q), 60])
          }
          const most = Math.max(...limits.map((limit) => mostOf(limit)))
          for (const [, { r = -1, t = -1 }] of left) {
            expect(r).toBeGreaterThanOrEqual(0)
            expect(r).toBeLessThanOrEqual(most)
            expect(t).toBeGreaterThanOrEqual(0)
            expect(t).toBeLessThanOrEqual(365 * 86_400)
          }
          gateway.clock.advance(wait)
        }
      }),
    )
  })

  it("the other headers' times parse, and are those of a full bucket", () => {
    const rules = fc.record({
      rpm: fc.integer({ min: 1, max: 100_000 }),
      burst: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(rules, pauses, (limits, waits) => {
        const openai = new Gateway({ limits })
        const anthropic = new Gateway({ limits, protocol: 'anthropic' })
        const reset = new Gateway({ limits, dialect: 'chuizi' })
        // The bucket's own arithmetic, done by hand.
        const msEach = 60_000 / limits.rpm
        let missingMs = 0
        for (const wait of waits) {
          if (missingMs + msEach <= limits.burst * msEach + 0.001) missingMs += msEach
          const one = openai.ask().headers.get('x-ratelimit-reset-requests')
          expectRoundedUp(goDurationMs(one), missingMs)
          const two = anthropic.ask().headers.get('anthropic-ratelimit-requests-reset')
          expectRoundedUp(rfc3339Ms(two), anthropic.clock.wallMs() + missingMs)
          const three = reset.ask().headers.get('x-ratelimit-reset')
          expectRoundedUp(Number(three) * 1_000, reset.clock.wallMs() + missingMs)
          for (const { clock } of [openai, anthropic, reset]) clock.advance(wait)
          missingMs = Math.max(0, missingMs - wait)
        }
      }),
    )
  })
})

function mostOf({ rpm = 0, burst = rpm, tpm = 0 }: LimitRule): number {
  return Math.max(burst, tpm)
}
