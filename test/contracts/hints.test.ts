import type { GatewayOptions } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { harnesses } from './frameworks.js'
import {
  chat,
  chatBody,
  generate,
  messages,
  startGateway,
  type Differences,
  type Gateway,
} from './gateway.js'
import { errorOf, type Json, type Received } from './http.js'
import { tooManyRequests } from './situations.js'

/** The two ways to get hints: a dialect that has them, and one that was told to. */
const speakers = [
  { dialect: 'lemondata', told: {} },
  { dialect: 'lazu', told: { hints: true } },
] as const satisfies readonly { dialect: string; told: GatewayOptions }[]

/** What an error has without hints, in one protocol or another. */
const otherMembers: ReadonlySet<string> = new Set(
  'message type code param request_id details status'.split(' '),
)

/** The hints among an error's members. */
function hintsOf(answer: Received): Json {
  const members = Object.entries(errorOf(answer))
  return Object.fromEntries(members.filter(([name]) => !otherMembers.has(name)))
}

const strict = z.strictObject({ model: z.string(), messages: z.any(), max_tokens: z.number() })

describe.each(harnesses)('hints, with $name,', (harness) => {
  describe.each(speakers)('in $dialect', ({ dialect, told }) => {
    const start = ({ options, ...rest }: Differences = {}): Promise<Gateway> =>
      startGateway(harness, dialect, { ...rest, options: { ...told, ...options } })

    it.each([
      ['GPT 5 Mini', ['gpt-5-mini', 'gpt-5-nano', 'gpt-5']],
      ['gpt-5-pr0', ['gpt-5-pro', 'gpt-5']],
      ['gpt5', ['gpt-5', 'gpt-5-pro']],
      ['flagship', ['gpt-5-pro']],
    ])('name what may have been meant by %j', async (model, suggestions) => {
      const gateway = await start({ options: { aliases: { flagship: 'gpt-5-pro' } } })
      const hints = hintsOf(await gateway.ask({ body: chatBody({ model }) }))
      expect(hints['did_you_mean']).toBe(suggestions[0])
      expect(hints['suggestions']).toEqual(expect.arrayContaining([suggestions[0]]))
      expect(hints).toMatchObject({ retryable: false })
    })

    it('name nothing when nothing is near', async () => {
      const gateway = await start()
      const answer = await gateway.ask({ body: chatBody({ model: 'something-else' }) })
      expect(hintsOf(answer)).toEqual({
        hint: 'Use one of the models that GET /v1/models lists.',
        retryable: false,
      })
    })

    it.each([chat, messages])('are at %s as well', async (path) => {
      const gateway = await start()
      const answer = await gateway.ask({ body: chatBody({ model: 'gpt-5-pr0' }) }, path)
      expect(errorOf(answer)['did_you_mean']).toBe('gpt-5-pro')
    })

    it('go by the model in a path of the Gemini family', async () => {
      const gateway = await start()
      const path = generate.replace('gpt-5', 'gpt-5-pr0')
      expect(errorOf(await gateway.ask({ body: {} }, path))['did_you_mean']).toBe('gpt-5-pro')
    })

    it('never name a hidden model, or one that is not for the key', async () => {
      const gateway = await start()
      const { key } = await gateway.makeKey({ models: ['gpt-5-mini', 'gpt-5-next'] })
      for (const model of ['gpt-5-nxt', 'gpt-5-net', 'GPT-5-NEXT', 'gpt-5-nan', 'gpt-6']) {
        const own = await gateway.ask({ body: chatBody({ model }) })
        expect(own.status).toBeGreaterThanOrEqual(400)
        expect(JSON.stringify(hintsOf(own))).not.toContain('gpt-5-next')
        const restricted = JSON.stringify(
          hintsOf(await gateway.ask({ key, body: chatBody({ model }) })),
        )
        expect(restricted).not.toMatch(/gpt-5(?!-mini)/)
      }
    })

    it('name cheaper models on a low balance, as far as it goes, the cheapest first', async () => {
      const gateway = await start({ credit: 0.12 })
      const body = chatBody({ max_tokens: 5_000 })
      expect(hintsOf(await gateway.ask({ body }))).toEqual({
        hint: 'Top up the account, use a cheaper model, or lower max_tokens.',
        suggestions: ['gpt-5-nano', 'gpt-5-mini'],
        balance_usd: 0.12,
        estimated_cost_usd: 0.5,
        retryable: false,
      })
      const less = chatBody({ max_tokens: 50_000 })
      expect(hintsOf(await gateway.ask({ body: less }))['suggestions']).toEqual(['gpt-5-nano'])
      const { key } = await gateway.makeKey({ models: ['gpt-5', 'gpt-5-mini'] })
      expect(hintsOf(await gateway.ask({ key, body }))['suggestions']).toEqual(['gpt-5-mini'])
      // What they name is what can be paid.
      const cheaper = chatBody({ max_tokens: 50_000, model: 'gpt-5-nano' })
      expect((await gateway.ask({ body: cheaper })).status).toBe(200)
    })

    it('name none when no model can be paid', async () => {
      const gateway = await start({ credit: 0 })
      const hints = hintsOf(await gateway.ask())
      expect(hints).toMatchObject({ balance_usd: 0, estimated_cost_usd: 0.001 })
      expect(hints).not.toHaveProperty('suggestions')
    })

    it('name larger contexts, the smallest first', async () => {
      const gateway = await start({ handler: ({ lazu }) => lazu.fail('context_length_exceeded') })
      expect(hintsOf(await gateway.ask())['suggestions']).toEqual(['gpt-5-mini', 'gpt-5-nano'])
      const largest = await gateway.ask({ body: chatBody({ model: 'gpt-5-nano' }) })
      expect(hintsOf(largest)).not.toHaveProperty('suggestions')
    })

    it.each(['no_channel', 'channels_exhausted', 'upstream_unavailable'] as const)(
      'name alternatives after %s',
      async (condition) => {
        const gateway = await start({ handler: ({ lazu }) => lazu.fail(condition) })
        const alternatives = ['gpt-5-pro', 'gpt-5-mini', 'gpt-5-nano']
        expect(hintsOf(await gateway.ask())).toMatchObject({ alternatives })
        const { key } = await gateway.makeKey({ models: ['gpt-5', 'gpt-5-nano'] })
        expect(hintsOf(await gateway.ask({ key }))['alternatives']).toEqual(['gpt-5-nano'])
      },
    )

    it('say whether and when to try again', async () => {
      expect(hintsOf(await tooManyRequests(start))).toEqual({
        hint: 'Wait for retry_after seconds, then send the request again.',
        retryable: true,
        retry_after: 2,
      })
    })

    it('of a handler win over ours, but not over what the headers say', async () => {
      const hints = { hint: 'Use the other one.', retryable: true, retry_after: 7 }
      const gateway = await start({ handler: ({ lazu }) => lazu.fail('access_denied', { hints }) })
      expect(hintsOf(await gateway.ask())).toEqual({ hint: hints.hint, retryable: false })
    })

    it('are left out where they are switched off', async () => {
      const gateway = await start({ options: { hints: false } })
      expect(hintsOf(await gateway.ask({ body: chatBody({ model: 'gpt-5-pr0' }) }))).toEqual({})
    })

    it.each([chat, messages, generate])('and all else at %s is of bounded length', async (path) => {
      const long = 'x'.repeat(1_000_000)
      const huge = long.repeat(10)
      const cyclic = new Error(huge)
      cyclic.cause = cyclic
      const gateway = await start({
        handler: ({ lazu }) =>
          lazu.fail('internal_error', {
            message: huge,
            param: long,
            details: { text: long },
            hints: {
              hint: long,
              did_you_mean: long,
              suggestions: Array.from({ length: 1_000 }, () => long.slice(0, 10_000)),
              alternatives: [long],
            },
            cause: cyclic,
          }),
      })
      const answer = await gateway.ask({}, path)
      expect(answer.status).toBe(500)
      const error = errorOf(answer)
      expect(error['message']).toBe(`${'x'.repeat(999)}…`)
      const short = `${'x'.repeat(199)}…`
      expect(error).toMatchObject({
        hint: short,
        did_you_mean: short,
        suggestions: Array.from({ length: 10 }, () => short),
        alternatives: [short],
      })
      expect(answer.text.length).toBeLessThan(6_000)
      expect(Buffer.byteLength(answer.text)).toBe(Number(answer.headers.get('content-length')))
    })

    it('are short for a million characters of model name, and of parameter', async () => {
      const gateway = await start({ bodyLimitBytes: 3_000_000 })
      const model = 'gpt-5'.repeat(200_000)
      const answer = await gateway.ask({ body: chatBody({ model }) })
      expect(hintsOf(answer)).toEqual({
        hint: 'Use one of the models that GET /v1/models lists.',
        retryable: false,
      })
      expect(answer.text.length).toBeLessThan(500)
      const inPath = await gateway.ask({}, generate.replace('gpt-5', 'x'.repeat(10_000)))
      expect([400, 404, 414]).toContain(inPath.status)
      expect(inPath.text.length).toBeLessThan(1_000)
      const validated = await start({ options: { validate: strict }, bodyLimitBytes: 3_000_000 })
      const unknown = await validated.ask({ body: chatBody({ [model]: 1 }) })
      expect(unknown.status).toBe(400)
      expect(errorOf(unknown)).toMatchObject({ param: `${model.slice(0, 199)}…` })
      expect(unknown.text.length).toBeLessThan(2_000)
    })
  })

  it.each(['application/json', 'application/problem+json'])(
    'and the rest of %s tell a key nothing of models it may not use, not even that they are there',
    async (accept) => {
      const options = { hints: true, problemJson: true }
      const gateway = await startGateway(harness, 'lazu', { options })
      const { key } = await gateway.makeKey({ models: ['unpriced'] })
      const [there, notThere] = await Promise.all(
        ['gpt-5-next', 'gpt-6-next'].map(async (model) => {
          const sent = { key, headers: { accept }, body: chatBody({ model }) }
          const { status, headers, text } = await gateway.ask(sent)
          expect(headers.get('content-type')).toContain(accept)
          const id = headers.get('x-request-id') ?? '(no id)'
          return [status, text.replace(id, 'ID').replace(model, 'MODEL')]
        }),
      )
      expect(there).toEqual(notThere)
    },
  )
})
