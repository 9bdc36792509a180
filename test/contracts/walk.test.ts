import {
  conditions,
  isCondition,
  type Condition,
  type DialectName,
  type Protocol,
} from '@lazu/core'
import type { Handler, RunningApp } from '@lazu/testkit'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { expressHarness } from '../../packages/express/test/harness.js'
import { comparedHeaders, expectedAnswer, manners, type Known } from './expected-answer.js'
import { documented } from './documented.js'
import { harnesses } from './frameworks.js'
import { errorOf, jsonOf, send, type Received } from './http.js'
import { table } from './table.js'

/** One path of each form that decides the protocol; Fastify, Koa and Express agree on the pattern. */
const routes: readonly { readonly path: string; readonly pattern: string; family: Protocol }[] = [
  { path: '/v1/chat/completions', pattern: '/v1/chat/completions', family: 'openai' },
  { path: '/v1/messages', pattern: '/v1/messages', family: 'anthropic' },
  { path: '/anthropic/x', pattern: '/anthropic/x', family: 'anthropic' },
  { path: '/v1beta/models/m:generateContent', pattern: '/v1beta/models/:call', family: 'gemini' },
  { path: '/gemini/x', pattern: '/gemini/x', family: 'gemini' },
]

/** Each dialect as it is by itself, and those that answer in OpenAI's way told to speak natively. */
const speakers: readonly { readonly dialect: DialectName; readonly isToldTo: boolean }[] = [
  { dialect: 'lazu', isToldTo: false },
  { dialect: 'tokendog', isToldTo: false },
  { dialect: 'lemondata', isToldTo: false },
  { dialect: 'chuizi', isToldTo: false },
  { dialect: 'foza', isToldTo: false },
  { dialect: 'lazu', isToldTo: true },
  { dialect: 'tokendog', isToldTo: true },
  { dialect: 'foza', isToldTo: true },
]

const names = Object.keys(table.lazu).filter((name) => isCondition(name))

/** What a handler is asked to fail with. */
type Told = Pick<Known, 'param' | 'details' | 'retryAfterMs'>

const failing: Handler = ({ lazu, raw: { request } }) => {
  const { 'x-condition': condition, 'x-options': options } = request.headers
  if (!isCondition(condition)) throw new Error(`there is no condition ${String(condition)}`)
  const told: Told = typeof options === 'string' ? JSON.parse(options) : {}
  lazu.fail(condition, told)
}

it('knows the conditions there are, all 57 of them', () => {
  expect(Object.keys(table.lazu)).toHaveLength(57)
  for (const answers of Object.values(table)) {
    expect(Object.keys(answers)).toEqual(Object.keys(conditions))
  }
})

it.each(speakers.filter(({ isToldTo }) => !isToldTo))(
  'has everything on the wire that the documentation of $dialect names',
  async ({ dialect }) => {
    const server = await expressHarness.start({
      gateway: { dialect, logger: { error() {}, warn() {} } },
      routes: Object.fromEntries(routes.map(({ pattern }) => [`POST ${pattern}`, failing])),
    })
    onTestFinished(() => server.close())
    const seen = new Set<unknown>()
    for (const condition of names) {
      const failed = { headers: { 'x-condition': condition }, body: {} }
      for (const { path } of routes) {
        const answer = await send(server, `POST ${path}`, failed)
        const { type, code } = errorOf(answer)
        seen.add(String(answer.status)).add(type).add(code)
      }
    }
    const words = documented[dialect].split(/\s+/).filter((word) => word !== '')
    expect(words.filter((word) => !seen.has(word))).toEqual([])
  },
)

describe.each(harnesses)('over HTTP, with $name,', (harness) => {
  describe.each(speakers)('$dialect (native because it was told to: $isToldTo)', (speaker) => {
    const { dialect, isToldTo } = speaker
    const { idHeader, idForm, isNative } = manners[dialect]
    let server: RunningApp

    beforeAll(async () => {
      server = await harness.start({
        gateway: {
          dialect,
          ...(isToldTo && { protocol: 'native' }),
          logger: { error() {}, warn() {} },
        },
        routes: Object.fromEntries(routes.map(({ pattern }) => [`POST ${pattern}`, failing])),
      })
    })
    afterAll(() => server.close())

    /** Has a handler fail on every route, and holds each answer to what is promised. */
    async function expectPromised(condition: Condition, told: Told = {}): Promise<void> {
      const failed = {
        headers: { 'x-condition': condition, 'x-options': JSON.stringify(told) },
        body: { model: 'm' },
      }
      const answers = await Promise.all(
        routes.map(async (route) => ({
          ...route,
          answer: await send(server, `POST ${route.path}`, failed),
        })),
      )
      for (const { path, family, answer } of answers) {
        const protocol = isNative || isToldTo ? family : 'openai'
        const requestId = answer.headers.get(idHeader) ?? '(no id)'
        const { message, hint } = errorOf(answer)
        const known = { ...told, dialect, protocol, condition, message, hint, requestId }
        expect({ path, ...seenOf(answer, protocol) }).toEqual({ path, ...expectedAnswer(known) })
        expect(requestId).toMatch(idForm)
        expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(answer.text)))
      }
    }

    it.each(names)('answers %s as promised, on every route', (condition) =>
      expectPromised(condition),
    )

    it.each([404, 408, 409, 429, 499, 500, 529])(
      "tells an upstream's %i, and whether to try again",
      (status_code) => expectPromised('upstream_rejected', { details: { status_code } }),
    )

    it.each([1, 1_000, 1_001, 21_999])('rounds a wait of %i ms up', (retryAfterMs) =>
      expectPromised('request_rate_limited', { retryAfterMs }),
    )

    it('says which parameter is wrong where its envelope has a place for that', () =>
      expectPromised('parameter_missing', { param: 'messages[0].role' }))
  })

  it('chooses the protocol by a function, and by a name for all routes', async () => {
    const gateway = { dialect: 'lazu', logger: { error() {}, warn() {} } } as const
    const patterns = { 'POST /v1/chat/completions': failing, 'POST /gemini/x': failing }
    const anthropic = await harness.start({
      gateway: { ...gateway, protocol: 'anthropic' },
      routes: patterns,
    })
    const chosen = await harness.start({
      gateway: { ...gateway, protocol: ({ path }) => (path === '/gemini/x' ? 'openai' : 'gemini') },
      routes: patterns,
    })
    try {
      const failed = { headers: { 'x-condition': 'access_denied' }, body: {} }
      for (const path of ['/v1/chat/completions', '/gemini/x']) {
        expect(jsonOf(await send(anthropic, `POST ${path}`, failed))['type']).toBe('error')
      }
      const asOpenai = errorOf(await send(chosen, 'POST /gemini/x', failed))
      expect(asOpenai['code']).toBe('access_denied')
      const asGemini = errorOf(await send(chosen, 'POST /v1/chat/completions', failed))
      expect(asGemini['status']).toBe('PERMISSION_DENIED')
    } finally {
      await anthropic.close()
      await chosen.close()
    }
  })
})

function seenOf(answer: Received, protocol: Protocol): object {
  const { status, headers, text } = answer
  const compared = comparedHeaders.map((name) => [name, headers.get(name)])
  const body = protocol === 'openai' ? text : jsonOf(answer)
  return { status, headers: Object.fromEntries(compared), body }
}
