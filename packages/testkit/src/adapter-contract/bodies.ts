import type { BodySchema } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import type { Harness } from '../harness.js'
import { ask, expectError } from './client.js'
import { prices, serve, World } from './world.js'

/** A schema in zod's manner, that wants `messages[0].role` to be a text of up to four letters. */
const schema: BodySchema = {
  safeParse(body) {
    const issue = issueOf(roleIn(body))
    if (issue === undefined) return { success: true }
    const path = ['messages', 0, 'role']
    return { success: false, error: { issues: [{ path, message: 'Wrong', ...issue }] } }
  },
}

/** Guards that look at the body. */
export function describeBodies(harness: Harness): void {
  describe('the model', () => {
    it.each<[string, unknown, number, string]>([
      ['missing', {}, 400, 'missing_required_parameter'],
      ['a number', { model: 1 }, 400, 'invalid_request'],
      ['a list', { model: ['m'] }, 400, 'invalid_request'],
      ['empty', { model: '' }, 400, 'invalid_request'],
      ['unknown', { model: 'x' }, 404, 'model_not_found'],
      ['a name every object has', { model: 'constructor' }, 404, 'model_not_found'],
      ['very long', { model: 'x'.repeat(10_000) }, 404, 'model_not_found'],
      ["not one of the key's", { model: 'dear' }, 404, 'model_not_found'],
    ])('is refused: %s', async (_, body, status, code) => {
      const world = new World()
      const key = await world.key({ models: ['m'] })
      const server = await serve(harness, {
        gateway: world.gateway({ models: ['m', 'dear'] }),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      const answer = await ask(server, 'POST /chat', { key, body })
      expectError(answer, status, code, 'model')
      expect(answer.text.length).toBeLessThan(2_000)
      expect((await ask(server, 'POST /chat', { key, body: { model: 'm' } })).status).toBe(200)
    })

    it('is checked by lazuModel alone', async () => {
      const server = await serve(harness, {
        guards: { after: [{ name: 'lazuModel', options: { models: ['m'] } }] },
        routes: { 'POST /chat': () => ({ ok: true }), 'GET /models': () => ({ ok: true }) },
      })
      expectError(
        await ask(server, 'POST /chat', { body: { model: 'x' } }),
        404,
        'model_not_found',
        'model',
      )
      expect((await ask(server, 'POST /chat', { body: { model: 'm' } })).status).toBe(200)
      expect((await ask(server, 'GET /models')).status).toBe(200)
    })
  })

  describe('validation', () => {
    const cases: readonly [string, unknown, number, string, string | null][] = [
      ['a field missing', {}, 400, 'missing_required_parameter', 'messages[0].role'],
      ['a wrong type', { messages: [{ role: 7 }] }, 400, 'invalid_request', 'messages[0].role'],
      [
        'out of bounds',
        { messages: [{ role: 'waiter' }] },
        422,
        'invalid_request',
        'messages[0].role',
      ],
      ['null', 'null', 400, 'bad_request_body', null],
      ['a text', '"text"', 400, 'bad_request_body', null],
      ['a list', '[]', 400, 'bad_request_body', null],
    ]

    it.each(cases)(
      'by lazuValidate alone: a body that is %s',
      async (_, body, status, code, param) => {
        const world = new World()
        const options = { validate: { 'POST /chat': schema }, ...world.common }
        const server = await serve(harness, {
          errors: world.common,
          guards: { after: [{ name: 'lazuValidate', options }] },
          routes: { 'POST /chat': ({ body: seen }) => ({ seen }) },
        })
        const answer = await ask(server, 'POST /chat', { body })
        expectError(answer, status, code, param)
      },
    )

    it.each(cases)('by the preset: a body that is %s', async (_, body, status, code, param) => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ validate: schema }),
        routes: { 'POST /chat': ({ body: seen }) => ({ seen }) },
      })
      const answer = await ask(server, 'POST /chat', { key, body })
      expectError(answer, status, code, param)
    })

    it('lets through what is right, as it was sent', async () => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ validate: schema }),
        routes: { 'POST /chat': ({ body }) => ({ body }) },
      })
      const body = { more: [1, null], messages: [{ role: 'user' }] }
      const answer = await ask(server, 'POST /chat', { key, body })
      expect(answer).toMatchObject({ status: 200, text: JSON.stringify({ body }) })
    })

    it.each([
      ['no body at all', undefined, {}, 400],
      ['another type', 'model=m', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['text', 'model', { 'content-type': 'text/plain' }, 415],
      ['no JSON', '{"model', {}, 400],
      ['nothing but a brace', '{', {}, 400],
    ])('never sees what is %s', async (_, body, headers, status) => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.gateway({ models: ['m'], validate: schema }),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      const options = body === undefined ? { key } : { key, body, headers }
      expectError(await ask(server, 'POST /chat', options), status, 'bad_request_body')
    })

    it('pollutes no prototype', async () => {
      const world = new World()
      const key = await world.key()
      world.credit(1_000)
      const server = await serve(harness, {
        gateway: world.paid({ validate: schema }),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      for (const evil of ['{"__proto__":{"evil":1}}', '{"constructor":{"prototype":{"evil":1}}}']) {
        const answer = await ask(server, 'POST /chat', { key, body: evil })
        expect(answer.status).toBe(400)
        expect(Reflect.get({}, 'evil')).toBe(undefined)
      }
    })
  })

  describe('caps in the body', () => {
    it.each<[unknown, number]>([
      [-1, 422],
      [0, 422],
      [1e308, 422],
      [2 ** 53, 422],
      [1.5, 400],
      ['1e9', 400],
      [null, 400],
      [[1], 400],
    ])('max_tokens %j is refused, and holds nothing', async (cap, status) => {
      const world = new World()
      const key = await world.key()
      world.credit(1_000)
      const server = await serve(harness, {
        gateway: world.paid(),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      const body = { model: 'm', max_tokens: cap }
      const answer = await ask(server, 'POST /chat', { key, body })
      expectError(answer, status, 'invalid_request', 'max_tokens')
      expect(world.ledger.balance('acme')).toMatchObject({ held: 0, settled: 0 })
    })

    it('a model without a price is refused', async () => {
      const world = new World()
      const key = await world.key()
      const server = await serve(harness, {
        gateway: world.paid({ prices, models: ['m', 'free'] }),
        routes: { 'POST /chat': () => ({ ok: true }) },
      })
      const answer = await ask(server, 'POST /chat', { key, body: { model: 'free' } })
      expectError(answer, 400, 'pricing_not_configured', 'model')
    })
  })
}

function roleIn(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return undefined
  const messages: unknown = Reflect.get(body, 'messages')
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined
  return typeof first === 'object' && first !== null ? Reflect.get(first, 'role') : undefined
}

function issueOf(role: unknown): object | undefined {
  if (typeof role !== 'string') return { code: 'invalid_type', input: role }
  return role.length > 4 ? { code: 'too_big', input: role } : undefined
}
