import type { Demo } from '@lazu/example-model'
import { GatewayError } from '@lazu/core'
import type OpenAI from 'openai'
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai'
import { describe, expect, it } from 'vitest'
import { examples, start } from './examples.js'

const messages = [{ role: 'user' as const, content: 'one two three four five six seven' }]
const answer = 'You said: one two three four five six seven'
const usage = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 }
/** 7 tokens at $2.50 a million and 9 at $10, in micro-USD, rounded up. */
const costMicros = 108

type Call = (openai: OpenAI) => Promise<unknown>

const chat =
  (body: object = {}): Call =>
  (openai) =>
    openai.chat.completions.create({ model: 'lazu-echo', messages, ...body })

interface Refusal {
  readonly what: string
  readonly secret?: keyof Demo['secrets'] | 'unknown'
  readonly call?: Call
  readonly change?: (demo: Demo) => void
  readonly error: new (...parts: never[]) => APIError
  readonly status: number
  readonly type: string
  readonly code: string
  readonly param?: string
  /** The SDK's two unless given. */
  readonly maxRetries?: number
  /** How many reach the server, 1 unless given. */
  readonly requests?: number
}

const invalid = 'invalid_request_error'

const refusals: readonly Refusal[] = [
  {
    what: 'a key nobody has',
    secret: 'unknown',
    error: AuthenticationError,
    status: 401,
    type: 'authentication_error',
    code: 'invalid_api_key',
  },
  {
    what: 'a key that is switched off',
    secret: 'disabled',
    error: PermissionDeniedError,
    status: 403,
    type: 'permission_error',
    code: 'token_disabled',
  },
  {
    what: "an address outside the key's list",
    secret: 'elsewhere',
    error: PermissionDeniedError,
    status: 403,
    type: 'permission_error',
    code: 'ip_not_allowed',
  },
  {
    what: 'a quota used up',
    secret: 'poor',
    error: PermissionDeniedError,
    status: 403,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
  },
  {
    what: 'a model that does not exist',
    call: chat({ model: 'gpt-0' }),
    error: NotFoundError,
    status: 404,
    type: invalid,
    code: 'model_not_found',
    param: 'model',
  },
  {
    what: 'a path that does not exist',
    call: (openai) => openai.get('/nothing'),
    error: NotFoundError,
    status: 404,
    type: invalid,
    code: 'route_not_found',
  },
  {
    what: 'a temperature of 9',
    call: chat({ temperature: 9 }),
    error: UnprocessableEntityError,
    status: 422,
    type: invalid,
    code: 'invalid_request',
    param: 'temperature',
  },
  {
    what: 'a role that is none',
    call: chat({ messages: [{ role: 'wizard', content: 'Hello' }] }),
    error: UnprocessableEntityError,
    status: 422,
    type: invalid,
    code: 'invalid_request',
    param: 'messages[0].role',
  },
  {
    what: 'no messages',
    call: chat({ messages: undefined }),
    error: BadRequestError,
    status: 400,
    type: invalid,
    code: 'missing_required_parameter',
    param: 'messages',
  },
  {
    what: 'messages that are text',
    call: chat({ messages: 'Hello' }),
    error: BadRequestError,
    status: 400,
    type: invalid,
    code: 'invalid_request',
    param: 'messages',
  },
  {
    what: 'a limit run into',
    secret: 'limited',
    call: async (openai) => {
      for (let call = 0; call < 3; call++) await openai.models.list()
    },
    error: RateLimitError,
    status: 429,
    type: 'rate_limit_exceeded',
    code: 'request_rate_limit_exceeded',
    maxRetries: 0,
    requests: 3,
  },
  {
    what: 'a handler that throws',
    call: chat({ model: 'lazu-fails' }),
    error: InternalServerError,
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    maxRetries: 0,
  },
  {
    what: 'a handler that takes too long',
    call: chat({ model: 'lazu-slow' }),
    change: ({ options }) => {
      options.timeout = '100ms'
    },
    error: InternalServerError,
    status: 504,
    type: 'upstream_error',
    code: 'upstream_timeout',
    maxRetries: 0,
  },
]

describe.for(examples)('the openai SDK against the $name example', ({ serve }) => {
  describe.concurrent('refusals', () => {
    it.for(refusals)('are told apart: $what', async (refusal) => {
      const { secret = 'good', call = chat(), change, maxRetries, param = null } = refusal
      const server = await start(serve, change)
      const { secrets } = server.demo
      const apiKey = secret === 'unknown' ? 'sk-lazu-no-such-key' : secrets[secret]

      const error = await thrownBy(call(server.client(apiKey, maxRetries)))

      expect(error).toBeInstanceOf(refusal.error)
      const { status, type, code } = refusal
      expect(error).toMatchObject({ status, type, code, param })
      expect(error.requestID).toMatch(/^req_lazu_[0-9A-Z]{26}$/)
      expect(error.error).toHaveProperty('request_id', error.requestID)
      expect(error.message.length).toBeGreaterThan('404 '.length)
      expect(server.arrivalsMs).toHaveLength(refusal.requests ?? 1)
    })

    it('say nothing of what went wrong inside, which is for the log', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good, 0)
      const error = await thrownBy(chat({ model: 'lazu-fails' })(openai))
      expect(JSON.stringify(error.error)).not.toContain('broke down')
      expect(server.logged).toHaveLength(1)
      expect(server.logged[0]).toContain('broke down')
      expect(server.logged[0]).toContain(error.requestID)
    })
  })

  describe.concurrent('retries', () => {
    it('waits as long as a 429 says, and no retry is wasted', async () => {
      const server = await start(serve, ({ options }) => {
        options.limits = { rpm: 40, burst: 1 }
      })
      const openai = server.client(server.demo.secrets.good)

      // One of the two is let in, whichever comes first.
      await Promise.all([openai.models.list(), openai.models.list()])

      expect(server.arrivalsMs).toHaveLength(3)
      const [, refusedMs = 0, retriedMs = 0] = server.arrivalsMs
      const announcedMs = server.announcedMs.find((ms) => ms !== undefined) ?? 0
      // Longer than what the SDK would have waited by itself.
      expect(announcedMs).toBeGreaterThan(600)
      expect(announcedMs).toBeLessThanOrEqual(1_500)
      // A timer may go off a millisecond early.
      expect(retriedMs - refusedMs).toBeGreaterThanOrEqual(announcedMs - 1)
    })

    it('tries again after a 5xx that may pass', async () => {
      const server = await start(serve, ({ ledger }) => {
        failOnce(ledger, new GatewayError('gateway_overloaded'))
      })
      const completion = await server
        .client(server.demo.secrets.good)
        .chat.completions.create({ model: 'lazu-echo', messages })
      expect(completion.choices[0]?.message.content).toBe(answer)
      expect(server.arrivalsMs).toHaveLength(2)
    })

    it('gives up on a 5xx that will not pass', async () => {
      const server = await start(serve, ({ ledger }) => {
        failOnce(ledger, new GatewayError('conversion_failed'))
      })
      const error = await thrownBy(chat()(server.client(server.demo.secrets.good)))
      expect(error).toBeInstanceOf(InternalServerError)
      expect(error).toMatchObject({ status: 500, code: 'convert_request_failed' })
      expect(error.headers?.get('x-should-retry')).toBe('false')
      expect(server.arrivalsMs).toHaveLength(1)
    })

    it('tries again after a 4xx that may pass', async () => {
      const server = await start(serve, ({ ledger }) => {
        failOnce(ledger, new GatewayError('gateway_overloaded', { status: 425 }))
      })
      await chat()(server.client(server.demo.secrets.good))
      expect(server.arrivalsMs).toHaveLength(2)
    })

    it('does not try again when the quota is used up', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.poor, 5)
      const error = await thrownBy(chat()(openai))
      expect(error.code).toBe('insufficient_quota')
      expect(server.arrivalsMs).toHaveLength(1)
    })
  })

  describe.concurrent('answers', () => {
    it('are those of the model, with usage and request id', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const { data: completion, request_id } = await openai.chat.completions
        .create({ model: 'lazu-echo', messages })
        .withResponse()
      expect(completion).toMatchObject({
        object: 'chat.completion',
        model: 'lazu-echo',
        choices: [{ message: { role: 'assistant', content: answer }, finish_reason: 'stop' }],
        usage,
      })
      expect(request_id).toMatch(/^req_lazu_/)
      await expect
        .poll(() => server.demo.ledger.balance('acme'))
        .toMatchObject({
          settled: costMicros,
          held: 0,
        })
    })

    it('are cut at max_tokens, and given n times', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const { choices, usage: used } = await openai.chat.completions.create({
        model: 'lazu-echo',
        messages,
        max_tokens: 3,
        n: 2,
      })
      expect(choices).toHaveLength(2)
      for (const choice of choices) {
        expect(choice.message.content).toBe('You said: one')
        expect(choice.finish_reason).toBe('length')
      }
      expect(used?.completion_tokens).toBe(6)
    })

    it('list the models', async () => {
      const server = await start(serve)
      const { data } = await server.client(server.demo.secrets.good).models.list()
      expect(data.map(({ id }) => id)).toEqual(['lazu-echo', 'lazu-fails', 'lazu-slow'])
    })
  })

  describe.concurrent('streams', () => {
    it('come word by word, and are charged', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const stream = await openai.chat.completions.create({
        model: 'lazu-echo',
        messages,
        stream: true,
        stream_options: { include_usage: true },
      })
      const words: string[] = []
      const timesMs: number[] = []
      const reasons: string[] = []
      let used: OpenAI.CompletionUsage | null | undefined
      for await (const { choices, usage: chunkUsage } of stream) {
        used = chunkUsage ?? used
        const [choice] = choices
        if (typeof choice?.finish_reason === 'string') reasons.push(choice.finish_reason)
        if (typeof choice?.delta.content !== 'string') continue
        words.push(choice.delta.content)
        timesMs.push(performance.now())
      }
      expect(words).toHaveLength(9)
      expect(words.join('')).toBe(answer)
      expect(reasons).toEqual(['stop'])
      expect(used).toEqual(usage)
      // Eight pauses of 25 ms: a stream that was held back somewhere comes all at once.
      expect((timesMs.at(-1) ?? 0) - (timesMs[0] ?? 0)).toBeGreaterThan(50)
      await expect
        .poll(() => server.demo.ledger.balance('acme'))
        .toMatchObject({
          settled: costMicros,
          held: 0,
        })
    })

    it('report no usage unless asked, and are charged all the same', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const stream = await openai.chat.completions.create({
        model: 'lazu-echo',
        messages,
        stream: true,
      })
      for await (const chunk of stream) {
        expect(chunk.choices).toHaveLength(1)
        expect(chunk.usage).toBeUndefined()
      }
      await expect.poll(() => server.demo.ledger.balance('acme').settled).toBe(costMicros)
    })

    it('that break off throw, and cost nothing', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const stream = await openai.chat.completions.create({
        model: 'lazu-fails',
        messages,
        stream: true,
      })
      const words: string[] = []
      const error = await thrownBy(
        (async () => {
          for await (const { choices } of stream) words.push(choices[0]?.delta.content ?? '')
        })(),
      )
      expect(words.join('')).toBe('You said: one')
      expect(error).toMatchObject({ type: 'server_error', code: 'internal_error', param: null })
      expect(error.message).not.toContain('broke down')
      expect(error.requestID).toMatch(/^req_lazu_/)
      expect(error.error).toHaveProperty('request_id', error.requestID)
      expect(server.arrivalsMs).toHaveLength(1)
      await expect
        .poll(() => server.demo.ledger.balance('acme'))
        .toMatchObject({
          settled: 0,
          held: 0,
        })
    })

    it('that are refused throw before they begin', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const body = { model: 'gpt-0', messages, stream: true } as const
      const error = await thrownBy(openai.chat.completions.create(body))
      expect(error).toBeInstanceOf(NotFoundError)
    })

    it('end when the client leaves, and cost nothing', async () => {
      const server = await start(serve)
      const openai = server.client(server.demo.secrets.good)
      const long = { role: 'user' as const, content: 'word '.repeat(200) }
      const stream = await openai.chat.completions.create({
        model: 'lazu-echo',
        messages: [long],
        stream: true,
      })
      for await (const { choices } of stream) {
        expect(server.demo.ledger.balance('acme').held).toBeGreaterThan(0)
        if (choices[0]?.delta.content === ' said:') break
      }
      await expect
        .poll(() => server.demo.ledger.balance('acme'))
        .toMatchObject({
          settled: 0,
          held: 0,
        })
      expect(server.logged).toEqual([])
    })
  })
})

/** What a call threw, which must be an error of the SDK's. */
async function thrownBy(call: Promise<unknown>): Promise<APIError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof APIError)) throw new Error(`not an APIError: ${String(error)}`)
  return error
}

/** Makes the next reservation fail. */
function failOnce(ledger: Demo['ledger'], error: GatewayError): void {
  const reserve = ledger.reserve.bind(ledger)
  ledger.reserve = () => {
    ledger.reserve = reserve
    throw error
  }
}
