import { setImmediate } from 'node:timers/promises'
import { generateKey, usd } from '@lazu/core'
import { describe, expect, it, vi } from 'vitest'
import type { Answer, RawConnection } from './raw-client.js'
import { account, chat, chatBody, harnesses, targetsOn, type Target } from './target.js'

/** Sends the same request many times at once, over four connections. */
async function atOnce(target: Target, count: number, bytes: string): Promise<readonly Answer[]> {
  const connections: RawConnection[] = []
  for (let index = 0; index < 4; index++) {
    const connection = target.connect()
    connection.write(bytes.repeat(count / 4))
    connections.push(connection)
  }
  const answers = await Promise.all(connections.map((connection) => connection.answers(count / 4)))
  return answers.flat()
}

function statusesOf(answers: readonly Answer[]): Record<number, number> {
  const statuses: Record<number, number> = {}
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  return statuses
}

function signed(target: Target, body = JSON.stringify(chatBody())): string {
  return target.bytes([`Authorization: Bearer ${target.key}`], body)
}

/** A handler that waits until it is let go. */
function gate(): { wait: () => Promise<object>; open: () => void } {
  let open: (() => void) | undefined
  const opened = new Promise<object>((resolve) => (open = () => resolve({ ok: true })))
  return { wait: () => opened, open: () => open?.() }
}

describe.each(harnesses)('hostile use of limits and money on $name', (harness) => {
  const start = targetsOn(harness)

  it('lets 10 of 200 requests pass at a limit of 10', async () => {
    const target = await start({ gateway: { limits: { rpm: 10 } } })
    const answers = await atOnce(target, 200, signed(target))
    expect(statusesOf(answers)).toEqual({ 200: 10, 429: 190 })
    expect(target.handled).toHaveLength(10)
    const refused = answers.filter(({ status }) => status === 429)
    for (const answer of refused) {
      expect(target.expectEnvelope(answer).code).toBe('request_rate_limit_exceeded')
      expect(answer.headers['retry-after']).toBe('6')
      expect(answer.headers['retry-after-ms']).toBe('6000')
    }
  })

  it('gives nothing extra at the edge of a minute, or for having been refused', async () => {
    const target = await start({ gateway: { limits: { rpm: 10 } } })
    let passed = 0
    for (let second = 0; second <= 180; second += 20) {
      const answers = await atOnce(target, 40, signed(target))
      passed += statusesOf(answers)[200] ?? 0
      // The bucket's ten, and one each six seconds.
      expect(passed).toBe(10 + Math.floor(second / 6))
      target.clock.advance(20_000)
    }
  })

  it.each([
    ['an hour back', -3_600_000],
    ['a day on', 86_400_000],
    ['to 1970', -Date.UTC(2026, 0, 15, 12)],
  ])('goes by no clock that somebody sets: %s', async (_, ms) => {
    const target = await start({ gateway: { limits: { rpm: 2 } } })
    target.expectPassed(await target.send())
    target.expectPassed(await target.send())
    target.clock.setWallMs(target.clock.wallMs() + ms)
    target.expectRefused(await target.send(), 429, 'request_rate_limit_exceeded')
    target.clock.advance(30_000)
    target.expectPassed(await target.send())
    target.expectRefused(await target.send(), 429, 'request_rate_limit_exceeded')
  })

  it('takes no other spelling of a key, a path or a model for another caller', async () => {
    const target = await start({ gateway: { limits: { rpm: 3 } } })
    const headers = { 'x-api-key': target.key }
    target.expectPassed(await target.send({ key: null, headers }))
    target.expectPassed(await target.send({ path: '/v1/messages' }))
    target.expectPassed(await target.send({ path: `${chat}?a=${'b'.repeat(100)}` }))
    for (const path of [chat, '/v1/messages', '/v1/models', '/nothing', '//', '/%zz']) {
      // Fastify refuses a malformed URL before there is a route.
      target.expectRefused(await target.send({ path }), path === '/%zz' ? [400, 429] : 429)
    }
    const other = await target.makeKey()
    target.expectPassed(await target.send({ key: other }))
  })

  it('counts refused bodies, too', async () => {
    const target = await start({ gateway: { limits: { rpm: 3 } } })
    target.expectRefused(await target.send({ body: '{' }), 400)
    target.expectRefused(await target.send({ body: '[]' }), 400)
    target.expectRefused(await target.send({ body: chatBody({ model: 'x' }) }), 404)
    target.expectRefused(await target.send(), 429, 'request_rate_limit_exceeded')
  })

  it('lets so many in at once, and the next when one has ended, however it did', async () => {
    const { wait, open } = gate()
    const target = await start({ gateway: { limits: { concurrency: 3 } }, handler: wait })
    const leaving = target.connect()
    leaving.write(signed(target))
    const waiting = [target.send(), target.send()]
    await vi.waitFor(() => expect(target.handled).toHaveLength(3), { interval: 2 })
    for (let count = 0; count < 20; count++) {
      const answer = await target.send()
      expect(answer.status).toBe(429)
      expect(target.expectEnvelope(answer).code).toBe('concurrency_limit_exceeded')
    }
    await leaving.close()
    await vi.waitFor(async () => {
      await Promise.race([target.send().catch(() => undefined), setImmediate()])
      expect(target.handled.length).toBeGreaterThan(3)
    })
    expect((await target.send()).status).toBe(429)
    open()
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
  })

  it('admits one of 50 requests that each cost more than half of the balance', async () => {
    const { wait, open } = gate()
    // A million tokens of output are 2 dollars.
    const target = await start({ credit: usd(3.3), handler: wait })
    const body = { model: 'cheap', max_tokens: 1_000_000 }
    const sent = Array.from({ length: 50 }, () => target.send({ body }))
    await vi.waitFor(() => expect(target.refused).toHaveLength(49), { interval: 2 })
    expect(target.handled).toHaveLength(1)
    const { held } = target.ledger.balance(account)
    expect(held).toBeGreaterThanOrEqual(usd(2))
    expect(held).toBeLessThan(usd(2.01))
    open()
    const answers = await Promise.all(sent)
    expect(statusesOf(answers)).toEqual({ 200: 1, 403: 49 })
    for (const answer of answers.filter(({ status }) => status === 403)) {
      expect(target.expectEnvelope(answer).code).toBe('insufficient_quota')
    }
  })

  it('admits no more when several keys draw on one account, nor beyond the cap of a key', async () => {
    const { wait, open } = gate()
    const target = await start({ credit: usd(5), handler: wait })
    const keys = await Promise.all([
      target.makeKey(),
      target.makeKey(),
      target.makeKey({ caps: { total: usd(1) } }),
    ])
    const body = { model: 'cheap', max_tokens: 1_000_000 }
    const sent = keys.flatMap((key) => Array.from({ length: 5 }, () => target.send({ key, body })))
    await vi.waitFor(() => expect(target.refused).toHaveLength(13), { interval: 2 })
    open()
    expect(statusesOf(await Promise.all(sent))).toEqual({ 200: 2, 403: 13 })
  })

  it('charges nobody without money, and nothing below zero', async () => {
    const target = await start({ credit: 0 })
    target.expectRefused(await target.send(), 403, 'insufficient_quota')
    expect(target.ledger.balance(account)).toEqual({
      granted: 0,
      settled: 0,
      held: 0,
      available: 0,
    })
  })

  it('makes the balance whole when a server that held it is gone', async () => {
    const target = await start()
    // As a request of a server that was killed left it.
    const amount = usd(999)
    target.ledger.reserve({ id: 'killed', account, key: 'k', amount, ttlMs: 60_000 })
    const body = { model: 'cheap', max_tokens: 1_000_000 }
    target.expectRefused(await target.send({ body }), 403, 'insufficient_quota')
    target.clock.advance(60_000)
    target.expectPassed(await target.send({ body }))
  })

  it('keeps what a long request holds for as long as it runs', async () => {
    const { wait, open } = gate()
    const target = await start({ handler: wait, gateway: { reservationTtl: '60s' } })
    const sent = target.send()
    await vi.waitFor(() => expect(target.handled).toHaveLength(1), { interval: 2 })
    const { held } = target.ledger.balance(account)
    for (let count = 0; count < 10; count++) {
      target.clock.advance(59_000)
      expect(target.ledger.balance(account).held).toBe(held)
    }
    open()
    target.expectPassed(await sent)
    await vi.waitFor(() => expect(target.settled).toHaveLength(1), { interval: 2 })
    expect(target.clock.waiting).toBe(0)
  })

  it.each([
    { micros: -1 },
    { micros: NaN },
    { micros: Infinity },
    { micros: 0.5 },
    { micros: 2 ** 53 },
    { micros: '1' },
    { inputTokens: -1, outputTokens: 1 },
    { inputTokens: NaN, outputTokens: 1 },
    { inputTokens: Infinity, outputTokens: 1 },
    { usage: { prompt_tokens: -5, completion_tokens: 5 } },
    { prompt_tokens: 5, completion_tokens: -5 },
    { prompt_tokens: '5', completion_tokens: 5 },
    {},
    { usage: null },
    [],
  ])('makes no credit of the usage %j', async (usage) => {
    const target = await start({
      handler: ({ lazu }) => {
        lazu.charge(usage)
        return { ok: true }
      },
    })
    const answer = await target.send()
    expect(answer.status).toBe(500)
    expect(target.expectEnvelope(answer).code).toBe('internal_error')
    expect(target.ledger.balance(account).available).toBe(usd(1_000))
  })

  it.each([
    ['throws', () => Promise.reject(new Error('broken'))],
    ['throws nothing', () => Promise.reject(undefined as unknown as Error)],
    [
      'destroys its response',
      ({ raw }: { raw: { response: { destroy: () => void } } }) => {
        raw.response.destroy()
        return new Promise(() => undefined)
      },
    ],
  ] as const)('charges nothing for a handler that %s', async (_, handler) => {
    const target = await start({ handler })
    await target.raw(signed(target))
    await vi.waitFor(() => expect(target.ledger.balance(account).held).toBe(0), { interval: 2 })
    expect(target.ledger.balance(account).available).toBe(usd(1_000))
  })

  it('remembers so many unknown keys and no more, and forgets no known one for them', async () => {
    const target = await start({
      cacheSize: 40,
      gateway: { badKeysPerMinute: 1_000_000 },
    })
    target.expectPassed(await target.send())
    const strangers = Array.from({ length: 2_000 }, () => generateKey('sk-lazu-'))
    const bytes = (key: string): string => target.bytes([`Authorization: Bearer ${key}`])
    const first = await target.raw(strangers.map(bytes).join(''), 2_000)
    expect(statusesOf(first)).toEqual({ 401: 2_000 })
    expect(target.store.asked).toHaveLength(2_001)
    // Ten of them are remembered: a quarter of the room.
    await target.raw(strangers.toReversed().map(bytes).join(''), 2_000)
    expect(target.store.asked.length).toBeGreaterThanOrEqual(2_001 + 1_990)
    expect(target.store.asked.length).toBeLessThan(2_001 + 2_000)
    const asked = target.store.asked.length
    target.expectPassed(await target.send())
    expect(target.store.asked).toHaveLength(asked)
  })

  it('holds so many buckets of addresses and no more', async () => {
    const target = await start({
      gateway: {
        trustProxies: ['127.0.0.0/8'],
        limits: { rpm: 1, by: 'address', maxKeys: 50 },
      },
    })
    const from = (index: number): string =>
      target.bytes([
        `Authorization: Bearer ${target.key}`,
        `X-Forwarded-For: 203.0.${index >> 8}.${index & 255}`,
      ])
    const many = Array.from({ length: 1_000 }, (_, index) => from(index)).join('')
    expect(statusesOf(await target.raw(many, 1_000))).toEqual({ 200: 1_000 })
    // Whoever was forgotten passes again; whoever was not does not.
    const again = statusesOf(await target.raw(many, 1_000))
    expect(again[200] ?? 0).toBeGreaterThanOrEqual(900)
    const last = from(5_000)
    expect(statusesOf(await target.raw(last + last, 2))).toEqual({ 200: 1, 429: 1 })
  })
})
