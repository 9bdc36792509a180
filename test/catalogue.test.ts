import {
  catalogue,
  conditions,
  createKeys,
  errorSchemas,
  formatError,
  GatewayError,
  isCondition,
  MemoryLedger,
  openapiResponses,
  usd,
  type Condition,
  type Dialect,
  type GatewayErrorOptions,
  type JsonSchema,
  type Protocol,
  type Reply,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { harnesses } from './contracts/frameworks.js'
import { jsonOf, send } from './contracts/http.js'
import { all, everyCondition, exchangeWith, protocols, validatorOf } from './error-schemas.js'
import { serve } from './serve.js'

function schemaOf(dialect: Dialect, protocol: Protocol): JsonSchema {
  const schema = errorSchemas(dialect, true)[protocol]
  if (schema === undefined) throw new Error(`there is no schema of ${protocol}`)
  return schema
}

/** What an error may have beside its condition, in every combination that changes a body. */
const variants: readonly GatewayErrorOptions[] = [
  {},
  { message: 'Own words.', param: 'messages[0].role' },
  { retryAfterMs: 1_500, details: { rule: 'rpm', limit: 60, final: true } },
  { details: { status_code: 418, error_code: 'mine', param: 'mine' } },
  { facts: { balance_usd: 0.12, estimated_cost_usd: 0.35, seconds: 120 }, param: 'model' },
  {
    hints: { hint: 'Do.', did_you_mean: 'a', suggestions: ['a', 'b'], alternatives: ['c'] },
    status: 409,
  },
]

interface Case {
  readonly condition: Condition
  readonly variant: number
  readonly reply: Reply
}

/** Every condition in every variant, with hints and without, as it is really answered. */
function casesOf(dialect: Dialect, protocol: Protocol): readonly Case[] {
  return [true, false].flatMap((hints) => {
    const exchange = exchangeWith({ dialect, protocol, hints })
    return everyCondition.flatMap((condition) =>
      variants.map((options, variant) => {
        const reply = formatError(new GatewayError(condition, options), exchange)
        return { condition, variant, reply }
      }),
    )
  })
}

describe.each(all)('the catalogue of $name', (dialect) => {
  it('lists every condition once, as it is answered', () => {
    const entries = catalogue(dialect)
    expect(entries.map(({ condition }) => condition).toSorted()).toEqual(everyCondition.toSorted())
    const exchange = exchangeWith({ dialect, protocol: 'anthropic', hints: true })
    for (const { condition, status, type, code, retry, when } of entries) {
      const reply = formatError(new GatewayError(condition), exchange)
      const body: { error: { details: object; retryable: boolean } } = JSON.parse(reply.body)
      expect([reply.status, body.error.details]).toEqual([status, { error_code: code }])
      expect(body.error.retryable).toBe(retry !== 'no')
      expect(reply.headers['retry-after']).toBe(retry === 'after' ? '1' : undefined)
      expect(type).not.toBe('')
      expect(when).toBe(conditions[condition].when)
    }
  })
})

describe.each(all.flatMap((dialect) => protocols.map((protocol) => ({ dialect, protocol }))))(
  'the JSON Schema of $dialect.name in the protocol $protocol',
  ({ dialect, protocol }) => {
    const problemWith = validatorOf(schemaOf(dialect, protocol))
    const cases = casesOf(dialect, protocol)

    it('takes every error there is', () => {
      expect(cases).toHaveLength(57 * variants.length * 2)
      const problems = cases.flatMap(({ condition, variant, reply }) => {
        const problem = problemWith(JSON.parse(reply.body))
        return problem === undefined ? [] : [`${condition} ${variant}: ${problem} ${reply.body}`]
      })
      expect(problems).toEqual([])
    })

    it('takes none of them with a member left out or of another type, but for hints', () => {
      const taken = new Set<string>()
      const some = cases.filter(({ condition }) => spoiltConditions.includes(condition))
      for (const { reply } of some) {
        for (const [path, body] of spoilt(JSON.parse(reply.body))) {
          if (problemWith(body) === undefined) taken.add(path)
        }
      }
      const own = protocol === 'openai' ? ['-error.details'] : []
      const optional = [...own, ...optionalMembers[protocol]].filter((path) => isMet(path, some))
      expect([...taken].toSorted()).toEqual(optional.toSorted())
    })

    it('takes no member it does not know, no code and no type of another gateway', () => {
      for (const { reply } of cases.slice(0, 57)) {
        const text = reply.body
        expect(problemWith({ ...JSON.parse(text), extra: 1 })).toBeDefined()
        expect(problemWith(changed(text, ['error'], { extra: 1 }))).toBeDefined()
        for (const [path, member] of closedMembers(protocol, dialect)) {
          expect(problemWith(changed(text, path, { [member]: 'elsewhere' })), text).toBeDefined()
        }
      }
    })

    it('takes no error of another protocol, no success and no text', () => {
      for (const other of protocols.filter((name) => name !== protocol)) {
        const reply = formatError(
          new GatewayError('access_denied'),
          exchangeWith({ dialect, protocol: other }),
        )
        expect(problemWith(JSON.parse(reply.body))).toBeDefined()
      }
      for (const body of [
        {},
        { error: {} },
        { error: 'no' },
        [],
        null,
        'no',
        { id: 'chatcmpl-1' },
      ]) {
        expect(problemWith(body)).toBeDefined()
      }
    })
  },
)

/** What differs by its condition: whether it may be tried again, and what the dialects have of it. */
const spoiltConditions: readonly Condition[] = [
  'access_denied',
  'insufficient_quota',
  'request_rate_limited',
  'upstream_rejected',
]

/** Copies of a body, each with one member left out (`-path`) or of another type (`path`). */
function* spoilt(body: object): Generator<[path: string, body: object]> {
  for (const path of pathsIn(body)) {
    const name = path.map((step) => (/^\d+$/.test(step) ? '[]' : step)).join('.')
    const last = path.at(-1) ?? ''
    for (const [sign, value] of [
      ['-', undefined],
      ['', { another: { type: [] } }],
    ] as const) {
      const copy = structuredClone(body)
      const at = path.slice(0, -1).reduce((inner, step) => Object(Reflect.get(inner, step)), copy)
      if (value !== undefined) Reflect.set(at, last, value)
      else if (Array.isArray(at)) at.splice(Number(last), 1)
      else Reflect.deleteProperty(at, last)
      yield [sign + name, copy]
    }
  }
}

function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [
    [name],
    ...pathsIn(inner).map((path) => [name, ...path]),
  ])
}

/** Where in a body details stand, whose members are anybody's. */
const detailsMembers = ['rule', 'limit', 'final', 'status_code']

const hintMembers = [
  '-error.hint',
  '-error.did_you_mean',
  '-error.suggestions',
  '-error.suggestions.[]',
  '-error.alternatives',
  '-error.alternatives.[]',
  '-error.retryable',
  '-error.retry_after',
  '-error.balance_usd',
  '-error.estimated_cost_usd',
]

/** What a body of each protocol may do without. */
const optionalMembers: Readonly<Record<Protocol, readonly string[]>> = {
  openai: [
    ...hintMembers,
    ...[...detailsMembers, 'error_code', 'param'].map((name) => `-error.details.${name}`),
  ],
  anthropic: [
    ...hintMembers,
    ...[...detailsMembers, 'param'].map((name) => `-error.details.${name}`),
  ],
  gemini: [
    ...hintMembers,
    ...[...detailsMembers, 'error_code', 'param'].map(
      (name) => `-error.details.[].metadata.${name}`,
    ),
    // The two that come first are always there, those behind them are not.
    '-error.details.[]',
  ],
}

/** Whether a member is in any of the bodies at all. */
function isMet(path: string, cases: readonly Case[]): boolean {
  return cases.some(({ reply }) =>
    pathsIn(JSON.parse(reply.body)).some(
      (steps) => `-${steps.map((step) => (/^\d+$/.test(step) ? '[]' : step)).join('.')}` === path,
    ),
  )
}

/** Members that can only have values from a list. */
function closedMembers(protocol: Protocol, { envelope }: Dialect): [string[], string][] {
  switch (protocol) {
    case 'openai':
      return (['type', 'code'] as const)
        .filter((name) => envelope.includes(name))
        .map((name) => [['error'], name])
    case 'anthropic':
      return [
        [[], 'type'],
        [['error'], 'type'],
        [['error', 'details'], 'error_code'],
      ]
    case 'gemini':
      return [
        [['error'], 'status'],
        [['error', 'details', '0'], 'reason'],
        [['error', 'details', '0'], 'domain'],
        [['error', 'details', '0'], '@type'],
        [['error', 'details', '1'], '@type'],
      ]
  }
}

/** A body with members put into the object at a path. */
function changed(text: string, path: readonly string[], members: object): object {
  const body: object = JSON.parse(text)
  const at = path.reduce((inner, step) => Object(Reflect.get(inner, step)), body)
  Object.assign(at, members)
  return body
}

it('there is a schema for each protocol a server answers in, and for no other', () => {
  expect(Object.keys(errorSchemas('lazu'))).toEqual(['openai'])
  expect(Object.keys(errorSchemas('lazu', true))).toEqual(protocols)
  expect(Object.keys(errorSchemas('chuizi'))).toEqual(protocols)
  expect(Object.keys(errorSchemas('chuizi', false))).toEqual(['openai'])
})

describe.each(harnesses)('over HTTP on $name', (harness) => {
  it.each(all)('every answer of $name is as its schemas say', async (dialect) => {
    const clock = new FakeClock()
    const keys = createKeys({ clock })
    const { key } = await keys.create({ account: 'a', name: 'k' })
    const ledger = new MemoryLedger({ clock })
    ledger.credit('a', 1, 'top-up')
    const families = [
      ['/v1/chat', 'openai'],
      ['/v1/messages', 'anthropic'],
      ['/v1beta/chat', 'gemini'],
    ] as const
    const server = await serve(harness, {
      gateway: {
        dialect,
        clock,
        keys,
        ledger,
        logger: { error: () => {}, warn: () => {} },
        models: ['gpt-5', 'gpt-5-mini'],
        prices: {
          'gpt-5': { input: usd(1), output: usd(10) },
          'gpt-5-mini': { input: 0, output: 0 },
        },
        validate: z.looseObject({ model: z.string(), fail: z.string().optional() }),
        limits: { rpm: 10, by: (exchange) => exchange.path },
      },
      routes: Object.fromEntries(
        families.map(([path]) => [
          `POST ${path}`,
          ({ lazu, body }) => {
            const condition: unknown = Reflect.get(Object(body), 'fail')
            if (!isCondition(condition)) return { ok: true }
            const details = { status_code: 404 }
            return lazu.fail(condition, { details, facts: { seconds: 5 } })
          },
        ]),
      ),
    })
    const cheap = { model: 'gpt-5-mini' }
    const asked: [body: unknown, sent?: { key?: string | undefined }][] = [
      [cheap, { key: undefined }],
      [cheap, { key: 'sk-lazu-nobody' }],
      ['{"model":'],
      [{}],
      [{ model: 5 }],
      [{ model: 'gtp-5' }],
      [{ model: 'gpt-5', max_tokens: 1_000 }],
      [{ ...cheap, fail: 'upstream_rejected' }],
      [{ ...cheap, fail: 'request_timeout' }],
      [{ ...cheap, fail: 'file_not_found' }],
      [{ ...cheap, fail: 'internal_error' }],
      [{ ...cheap, fail: 'gateway_overloaded' }],
      // The tenth with a key was the last that the limit lets in.
      [cheap],
    ]
    const statuses = new Set<number>()
    for (const [path, family] of families) {
      const protocol = dialect.nativeProtocols ? family : 'openai'
      const problemWith = validatorOf(errorSchemas(dialect)[protocol] ?? {})
      for (const [body, sent] of asked) {
        const answer = await send(server, `POST ${path}`, { key, body, ...sent })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        statuses.add(answer.status)
        expect(problemWith(jsonOf(answer)), answer.text).toBe(undefined)
        const described = openapiResponses(dialect)[`Error${answer.status}`]
        const { schema } = described?.content['application/json'] ?? {}
        expect(validatorOf(schema ?? {})(jsonOf(answer))).toBe(undefined)
        for (const name of Object.keys(described?.headers ?? { none: 1 })) {
          expect(answer.headers.has(name), `${answer.status} ${name}`).toBe(true)
        }
      }
    }
    expect([...statuses]).toEqual(expect.arrayContaining([429, 500, 502, 503]))
  })
})
