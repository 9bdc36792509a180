import { Server } from 'node:http'
import {
  answerClientErrors,
  ConfigurationError,
  createGateway,
  createKeys,
  defineDialect,
  dialects,
  MemoryLedger,
  plainPipeline,
  rateLimitPipeline,
  usd,
  type Answer,
  type Dialect,
  type GatewayOptions,
} from '@lazu/core'
import { FakeClock, type Harness } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { harnesses } from './contracts/frameworks.js'
import { errorOf, jsonOf, send, type Received, type Sent } from './contracts/http.js'
import { serve } from './serve.js'

/** A gateway that is none of those that come along, near to one of them. */
const acme = defineDialect('lemondata', {
  name: 'acme',
  keyPrefix: 'ak-',
  requestId: { header: 'x-acme-trace', prefix: 'acme.', form: 'alphanumeric-24' },
  envelope: ['code', 'message', 'request_id'],
  hints: false,
  messages: {
    insufficient_quota: '{model} takes ${estimated_cost_usd:4}, and you have ${balance_usd:2}.',
    request_rate_limited: 'At most {limit} a minute. Come back in {retry_after} s.',
    file_not_found: 'There is no {colour} file {name}.',
  },
  anthropicTypes: { model_not_allowed: 'acme_error' },
  answers: {
    api_key_invalid: [403, 'acme_auth', 'who_are_you', 'no'],
    insufficient_quota: [409, 'acme_money', 'pay_up', 'no'],
    request_rate_limited: [420, 'acme_limit', 'enhance_your_calm', 'after'],
    model_not_allowed: [451, 'acme_model', 'not_for_you', 'no'],
    gateway_overloaded: [503, 'acme_busy', 'go_away', 'no'],
    file_not_found: [410, 'acme_file', 'gone', 'yes'],
  },
})
const idForm = /^acme\.[a-z0-9]{24}$/

async function start(harness: Harness, options: GatewayOptions = {}) {
  const clock = new FakeClock()
  const keys = createKeys({ clock, prefix: acme.keyPrefix })
  const { key } = await keys.create({ account: 'a', name: 'k', models: ['gpt-5'] })
  const ledger = new MemoryLedger({ clock })
  ledger.credit('a', usd(0.126), 'top-up')
  const server = await serve(harness, {
    gateway: {
      dialect: acme,
      clock,
      keys,
      ledger,
      logger: { error: () => {}, warn: () => {} },
      models: ['gpt-5', 'secret'],
      prices: { 'gpt-5': { input: 0, output: usd(1_000) } },
      ...options,
    },
    // The same once more, so that nothing changes on the way.
    errors: { dialect: acme },
    routes: {
      'POST /v1/chat': ({ lazu }) => ({ id: lazu.requestId }),
      'POST /v1/messages': ({ lazu }) => ({ id: lazu.requestId }),
      'POST /v1beta/models/x': ({ lazu }) => ({ id: lazu.requestId }),
      'GET /busy': ({ lazu }) => lazu.fail('gateway_overloaded'),
      'GET /file': ({ lazu }) => lazu.fail('file_not_found', { facts: { colour: 'red', name: 7 } }),
      'GET /other': ({ lazu }) => lazu.fail('file_not_found', { facts: { colour: 'red' } }),
      'GET /fails': () => {
        throw new Error('SECRET')
      },
    },
  })
  return (target: string, sent: Sent = {}) => send(server, target, { key, ...sent })
}

/** The request id of an answer, the same in each of its headers. */
function idOf({ headers }: Received): string | null {
  const ids = ['x-acme-trace', 'x-request-id', 'request-id'].map((name) => headers.get(name))
  expect(new Set(ids).size).toBe(1)
  expect(ids[0]).toMatch(idForm)
  return ids[0] ?? null
}

/** An error in the OpenAI envelope, in this gateway's way. */
function expectError(answer: Received, status: number, code: string, message: string): void {
  expect(answer.status, answer.text).toBe(status)
  expect(Object.keys(errorOf(answer))).toEqual(acme.envelope)
  expect(errorOf(answer)).toEqual({ code, message, request_id: idOf(answer) })
}

const model = 'gpt-5'

describe.each(harnesses)('a gateway of your own on $name', (harness) => {
  it('has its request ids on every answer, the one the handler saw', async () => {
    const ask = await start(harness)
    const passed = await ask('POST /v1/chat', { body: { model, max_tokens: 1 } })
    expect([passed.status, jsonOf(passed)]).toEqual([200, { id: idOf(passed) }])
    expect(idOf(await ask('GET /fails'))).not.toBe(idOf(passed))
    expect(idOf(await ask('GET /nothing'))).not.toBe(idOf(passed))
  })

  it('says in its own way what it has its own way for', async () => {
    const ask = await start(harness, { limits: { rpm: 1 } })
    const { headers } = await ask('POST /v1/chat', { body: { model, max_tokens: 1 } })
    expect(headers.get('x-ratelimit-remaining')).toBe('0')
    const refused = await ask('POST /v1/chat')
    expectError(refused, 420, 'enhance_your_calm', 'At most 1 a minute. Come back in 60 s.')
    expect(refused.headers.get('retry-after')).toBe('60')
    // No SDK tries again at 420 unless it is told to.
    expect(refused.headers.get('x-should-retry')).toBe('true')
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
  })

  it('fills its messages with what is known, and else uses the common words', async () => {
    const ask = await start(harness)
    const poor = await ask('POST /v1/chat', { body: { model, max_tokens: 200 } })
    expectError(poor, 409, 'pay_up', 'gpt-5 takes $0.2000, and you have $0.13.')
    expect(poor.headers.get('x-should-retry')).toBe('false')
    expectError(await ask('GET /file'), 410, 'gone', 'There is no red file 7.')
    expectError(await ask('GET /other'), 410, 'gone', 'The file does not exist.')
  })

  it('forbids a retry its status would cause', async () => {
    const ask = await start(harness)
    const busy = await ask('GET /busy')
    expectError(busy, 503, 'go_away', 'The gateway is overloaded. Try again later.')
    expect(busy.headers.get('x-should-retry')).toBe('false')
    expect((await ask('GET /file')).headers.get('x-should-retry')).toBe('true')
  })

  it('says as the one it was made from what it has no way of its own for', async () => {
    const ask = await start(harness)
    expectError(await ask('GET /fails'), 500, 'internal_error', 'Internal server error.')
    const none = await ask('GET /nothing')
    expectError(none, 404, 'not_found', 'There is nothing at GET /nothing.')
    const unknown = await ask('POST /v1/chat', { key: 'ak-nobody' })
    expectError(unknown, 403, 'who_are_you', 'Invalid API key.')
    // Only a 401 asks for a credential.
    expect(unknown.headers.get('www-authenticate')).toBe(null)
  })

  it('speaks the other protocols', async () => {
    const ask = await start(harness)
    const body = { model: 'secret', max_tokens: 1 }
    const anthropic = await ask('POST /v1/messages', { body })
    expect(anthropic.status).toBe(451)
    expect(jsonOf(anthropic)).toEqual({
      type: 'error',
      error: {
        type: 'acme_error',
        message: expect.any(String),
        details: expect.objectContaining({ error_code: 'not_for_you' }),
      },
      request_id: idOf(anthropic),
    })
    const gemini = await ask('POST /v1beta/models/x', { body })
    expect(gemini.status).toBe(451)
    expect(errorOf(gemini)).toMatchObject({
      code: 451,
      details: [
        { reason: 'NOT_FOR_YOU', domain: 'acme' },
        { requestId: idOf(gemini) },
        { fieldViolations: [{ field: 'model' }] },
      ],
    })
  })

  it('does not start when it has a mistake in it', async () => {
    const dialect: Dialect = { ...acme, name: '' }
    const started = harness.start({ gateway: { dialect }, routes: {} })
    await expect(started).rejects.toBeInstanceOf(ConfigurationError)
    await expect(started).rejects.toMatchObject({ path: 'lazu().dialect.name' })
    const errorsAlone = harness.start({ errors: { dialect }, routes: {} })
    await expect(errorsAlone).rejects.toMatchObject({ path: 'lazuErrors().dialect.name' })
  })
})

/** What somebody without a type checker may give in a member's place. */
function spoilt(...changes: (readonly [path: readonly string[], value: unknown])[]): Dialect {
  const dialect = structuredClone(acme)
  for (const [path, value] of changes) {
    let at: object = dialect
    for (const name of path.slice(0, -1)) at = Object(Reflect.get(at, name))
    const last = path.at(-1) ?? ''
    if (value === undefined) Reflect.deleteProperty(at, last)
    else Reflect.set(at, last, value)
  }
  return dialect
}

function mistakeIn(build: () => unknown): ConfigurationError {
  try {
    build()
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('the dialect was accepted')
}

const missing = 'LAZU_CONFIG_MISSING_OPTION'
const unknown = 'LAZU_CONFIG_UNKNOWN_OPTION'
const invalid = 'LAZU_CONFIG_INVALID_OPTION'

describe('a mistake in a dialect stops the start, and says where it is', () => {
  it.each<[path: string, value: unknown, code?: string, place?: string]>([
    ['answers', {}, missing, 'answers.api_key_missing'],
    ['answers', 'none'],
    ['answers.model_not_found', undefined, missing],
    ['answers.coffee_cold', [418, 'teapot', 'cold', 'no'], unknown],
    ['answers.model_not_found', 404],
    ['answers.model_not_found', [404, 'a', 'b']],
    ['answers.model_not_found', [404, 'a', 'b', 'no', 'more']],
    ['answers.model_not_found.0', 399],
    ['answers.model_not_found.0', 600],
    ['answers.model_not_found.0', 200],
    ['answers.model_not_found.0', 404.5],
    ['answers.model_not_found.0', NaN],
    ['answers.model_not_found.0', '404'],
    ['answers.model_not_found.1', ''],
    ['answers.model_not_found.2', 404],
    ['answers.model_not_found.3', 'maybe'],
    ['messages.model_not_found', ''],
    ['messages.coffee_cold', 'Brr.', unknown],
    ['anthropicTypes.model_not_found', 1],
    ['requestId', undefined, missing],
    ['requestId.header', undefined, missing],
    ['requestId.header', ''],
    ['requestId.header', 'x acme'],
    ['requestId.header', 'x-acme:'],
    ['requestId.header', 'x-acme\r\nset-cookie'],
    ['requestId.header', 'X-Acme'],
    ['requestId.header', 'x-äcme'],
    ['requestId.prefix', 'req '],
    ['requestId.prefix', 'req_\n'],
    ['requestId.prefix', '请求'],
    ['requestId.prefix', 'r'.repeat(65)],
    ['requestId.form', 'uuid'],
    ['keyPrefix', ''],
    ['keyPrefix', 'ak '],
    ['name', undefined, missing],
    ['envelope', []],
    ['envelope', 'message'],
    ['envelope.1', 'massage'],
    ['rateHeaders', 'many'],
    ['nativeProtocols', 'yes'],
    ['hints', undefined, missing],
    ['colour', 'red', unknown],
  ])('%s: %j', (path, value, code = invalid, place = path) => {
    const steps = path.split('.')
    const dialect = spoilt([steps, value])
    const { code: told, path: at, message } = mistakeIn(() => createGateway({ dialect }))
    expect([told, at]).toEqual([code, `lazu().dialect.${place.replace(/\.(\d)/, '[$1]')}`])
    expect(message).toMatch(/^LAZU_CONFIG_\w+: .+\. .+\.$/s)
  })

  it('wherever a dialect can be given', () => {
    const dialect = spoilt([['requestId', 'header'], 'no header'])
    expect(mistakeIn(() => plainPipeline('lazuErrors', { dialect })).path).toBe(
      'lazuErrors().dialect.requestId.header',
    )
    expect(mistakeIn(() => rateLimitPipeline({ dialect, limits: { rpm: 1 } })).path).toBe(
      'lazuRateLimit().dialect.requestId.header',
    )
    expect(mistakeIn(() => answerClientErrors(new Server(), { dialect })).path).toBe(
      'answerClientErrors().dialect.requestId.header',
    )
  })

  it('and none of those that come along has one', () => {
    for (const dialect of [...Object.values(dialects), acme]) {
      expect(() => createGateway({ dialect })).not.toThrow()
    }
  })
})

describe('a dialect', () => {
  it('keeps everything of its base that is not changed', () => {
    expect(defineDialect('chuizi', {})).toEqual(dialects.chuizi)
    const { answers, messages, ...rest } = acme
    expect({ ...answers, ...changedAnswers() }).toEqual({
      ...dialects.lemondata.answers,
      ...changedAnswers(),
    })
    expect(messages['token_rate_limited']).toBe(dialects.lemondata.messages['token_rate_limited'])
    expect(rest.nativeProtocols).toBe(dialects.lemondata.nativeProtocols)
    expect(dialects.lemondata.answers.api_key_invalid[0]).toBe(401)
  })

  it('can be made from one of your own', () => {
    const child = defineDialect(acme, { name: 'acme-2', answers: { access_denied: denied } })
    expect(child).toEqual({
      ...acme,
      name: 'acme-2',
      answers: { ...acme.answers, access_denied: denied },
    })
    expect(acme.answers.access_denied).not.toEqual(denied)
  })

  it('cannot forget a condition, nor make one up, where types are checked', () => {
    const { model_not_found: _, ...rest } = acme.answers
    // @ts-expect-error a condition is missing
    const forgetful: Dialect = { ...acme, answers: rest }
    // @ts-expect-error there is no such condition
    defineDialect('lazu', { answers: { coffee_cold: denied } })
    // @ts-expect-error there is no such dialect
    expect(() => defineDialect('nobody', {})).toThrow(ConfigurationError)
    // @ts-expect-error a retry is one of five words
    const odd: Answer = [404, 'a', 'b', 'perhaps']
    expect([forgetful.name, odd[0]]).toEqual(['acme', 404])
  })
})

const denied: Answer = [403, 'no', 'no', 'no']

function changedAnswers(): Partial<Dialect['answers']> {
  const { api_key_invalid, insufficient_quota, request_rate_limited } = acme.answers
  const { model_not_allowed, gateway_overloaded, file_not_found } = acme.answers
  return {
    api_key_invalid,
    insufficient_quota,
    request_rate_limited,
    model_not_allowed,
    gateway_overloaded,
    file_not_found,
  }
}
