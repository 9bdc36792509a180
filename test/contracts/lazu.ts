import {
  createFileReferenceCheck,
  defaultFilePurposes,
  exchangeOf,
  filesGuards,
  type Tiers,
} from '@lazu/core'
import type { Handler, HandlerInput, Harness } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { startGateway } from './gateway.js'
import { errorOf, isRetried, jsonOf, send, type Received } from './http.js'
import * as situations from './situations.js'
import { handlerSays, invalid, upstream, type Situation, type Start } from './situations.js'
import { upstreamSecret } from './upstream.js'

const idForm = /^req_lazu_[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const megabyte = 1_048_576
const dayMs = 86_400_000

/** What an upload's headers stand for here: what a parser of multipart bodies would have found. */
const uploads = filesGuards({
  purposes: defaultFilePurposes,
  upload: (exchange) => ({
    purpose: exchange.header('x-purpose'),
    mediaType: exchange.header('x-type'),
    bytes: Number(exchange.header('x-bytes')),
  }),
})

const takeUpload: Handler = async ({ raw }) => {
  const exchange = exchangeOf(raw.request)
  if (exchange === undefined) throw new Error('there is no exchange')
  for (const guard of uploads) await guard.enter(exchange)
  return { id: 'file-1' }
}

function uploading(purpose: string, bytes = 1, type = 'image/png'): Situation {
  const headers = { 'x-purpose': purpose, 'x-bytes': String(bytes), 'x-type': type }
  return situations.asking({ headers }, { handler: takeUpload }, '/v1/files')
}

const checkFiles = createFileReferenceCheck()

/** A request that refers to files of a size, an age in days, and an owner. */
function referring(files: { bytes?: number; days?: number; isOwn?: boolean }[]): Situation {
  const handler = ({ lazu }: HandlerInput): object => {
    const { key } = lazu
    const stored = files.map(({ bytes = 1, days = 0, isOwn = true }, index) => ({
      id: `file-${index}`,
      file: { bytes, keyId: isOwn ? key?.id : 'somebody', createdAtMs: -days * dayMs },
    }))
    checkFiles(stored, key, 0)
    return {}
  }
  return situations.asking({}, { handler })
}

const noSuchFile: Situation = situations.asking(
  {},
  {
    handler({ lazu }) {
      checkFiles([{ id: 'file-1', file: undefined }], lazu.key, 0)
    },
  },
)

/** The 5xx that a second try would get again: our fault, or an upstream's 4xx. */
const hopeless: ReadonlySet<string> = new Set([
  'a failed translation',
  'an upstream that answers 404',
  'an upstream that refuses our key',
])

/** Everything that lazu's documentation says of errors, headers and retries. */
export function lazuSays(harness: Harness): void {
  const start: Start = (differences) => startGateway(harness, 'lazu', differences)

  it('every error has the OpenAI envelope, and the id of its header', async () => {
    const answer = await situations.asking(
      { headers: { 'x-bytes': '1' } },
      { handler: takeUpload },
      '/v1/files',
    )(start)
    expect(jsonOf(answer)).toEqual({
      error: {
        message: "Missing required parameter: 'purpose'.",
        type: 'invalid_request_error',
        code: 'missing_required_parameter',
        param: 'purpose',
        request_id: answer.headers.get('x-lazu-request-id'),
      },
    })
  })

  it.each([200, 201])('an answer with %i has a request id of its own, too', async (status) => {
    const gateway = await start({
      handler({ raw }) {
        raw.response.writeHead(status).end('{}')
      },
    })
    const answers = [await gateway.ask(), await gateway.send('GET /v1/models', gateway)]
    expect(answers.map((answer) => answer.status)).toEqual([status, status])
    const ids = answers.map(({ headers }) => headers.get('x-lazu-request-id'))
    for (const id of ids) expect(id).toMatch(idForm)
    expect(new Set(ids).size).toBe(2)
  })

  it.each<[what: string, Situation, status: number, code: string, param?: string]>([
    ['a key that is not sent', situations.noKey, 401, 'invalid_api_key'],
    ['a malformed key', situations.malformedKey, 401, 'invalid_api_key'],
    ['an unknown key', situations.unknownKey, 401, 'invalid_api_key'],
    ['a deleted key', situations.revokedKey, 401, 'invalid_api_key'],
    ['a balance of nothing', situations.zeroBalance, 403, 'insufficient_quota'],
    ['a foreign address', situations.foreignAddress, 403, 'ip_not_allowed'],
    ['a key that was switched off', situations.disabledKey, 403, 'token_disabled'],
    ['a key past its time', situations.expiredKey, 401, 'token_expired'],

    ['a body that is no JSON', situations.badJson, 400, 'bad_request_body'],
    ['a body its upstream calls malformed', upstream(400), 400, 'bad_request_body'],
    ['values its upstream calls invalid', upstream(422), 400, 'bad_request_body'],
    ['no model', situations.missingModel, 400, 'missing_required_parameter', 'model'],
    [
      'a missing field deep inside',
      invalid({ messages: [{ role: 'user' }] }),
      400,
      'missing_required_parameter',
      'messages[0].content',
    ],
    ['a field of a wrong type', invalid({ messages: 'Hi' }), 400, 'invalid_request', 'messages'],
    ['a value out of bounds', invalid({ temperature: 3 }), 422, 'invalid_request', 'temperature'],
    ['a model that is not there', situations.unknownModel, 404, 'model_not_found', 'model'],
    ['a model not for this key', situations.forbiddenModel, 404, 'model_not_found', 'model'],
    ['no such path', situations.unknownPath, 404, 'route_not_found'],
    ['a failed translation', handlerSays('conversion_failed'), 500, 'convert_request_failed'],
    ['tokens nobody can count', handlerSays('tokenization_failed'), 400, 'tokenization_error'],

    ['files of batches', uploading('batch'), 400, 'purpose_not_supported', 'purpose'],
    ['files of fine-tunes', uploading('fine-tune'), 400, 'purpose_not_supported', 'purpose'],
    ['files of assistants', uploading('assistants'), 400, 'purpose_not_supported', 'purpose'],
    ['a 21 MB picture', uploading('vision', 21 * megabyte), 413, 'file_too_large', 'file'],
    ['a 513 MB file', uploading('user_data', 513 * megabyte), 413, 'file_too_large', 'file'],
    ['no such file', noSuchFile, 404, 'file_not_found', 'file_id'],
    ["another key's file", referring([{ isOwn: false }]), 404, 'file_not_found', 'file_id'],
    ['a file of 30 days ago', referring([{ days: 30 }]), 404, 'file_expired', 'file_id'],
    [
      'more than 64 MB of files together',
      referring([{ bytes: 40 * megabyte }, { bytes: 24 * megabyte + 1 }]),
      400,
      'file_too_large',
      'file_id',
    ],
    [
      'a file its storage does not give',
      handlerSays('file_dereference_failed'),
      500,
      'file_dereference_failed',
    ],

    ['no price in the lane', situations.unpricedLane, 400, 'pricing_not_configured', 'model'],
    ['a lost race for the quota', situations.lostRace, 500, 'pre_consume_token_quota_failed'],
    ['too many requests', situations.tooManyRequests, 429, 'request_rate_limit_exceeded'],

    ['an upstream that answers 500', upstream(500), 502, 'upstream_error'],
    ['an upstream that answers 404', upstream(404), 502, 'upstream_error'],
    ['an upstream that refuses our key', upstream(401), 502, 'upstream_error'],
    ['an upstream that is overloaded', upstream(503), 503, 'upstream_error'],
    ['an upstream without an answer in time', situations.lateUpstream, 504, 'upstream_timeout'],
    ['a handler without one', situations.lateHandler, 504, 'upstream_timeout'],
    ['a refused connection', upstream('refuses connections'), 502, 'upstream_network_error'],
    ['a connection that ends', upstream('hangs up'), 502, 'upstream_network_error'],
    ['an answer that breaks off', upstream('breaks off'), 502, 'upstream_network_error'],
    ['a slow channel', handlerSays('channel_timeout'), 504, 'channel_response_time_exceeded'],
    ['no channel for model and lane', handlerSays('no_channel'), 503, 'no_available_channel'],
    ['a bug', situations.bug, 500, 'internal_error'],
    ['an absent key store', situations.absentStore, 503, 'gateway_overloaded'],
  ])('%s', async (what, situation, status, code, param) => {
    const answer = await situation(start)
    expectError(answer, status, code, param)
    expect(isRetried(answer)).toBe(!hopeless.has(what) && (status === 429 || status >= 500))
  })

  it.each([
    ['vision', 20 * megabyte, 'image/png'],
    ['vision', 1, 'image/webp'],
    ['user_data', 512 * megabyte, 'application/pdf'],
  ])('a file for %s of %i bytes and type %s is taken', async (purpose, bytes, type) => {
    expect((await uploading(purpose, bytes, type)(start)).status).toBe(200)
  })

  it('files of 64 MB together, and of less than 30 days, are taken', async () => {
    const files = [{ bytes: 40 * megabyte }, { bytes: 24 * megabyte, days: 29.99 }]
    expect((await referring(files)(start)).status).toBe(200)
  })

  it("an upstream's own status is in details, and nothing else of its answer", async () => {
    for (const status of [404, 429, 500]) {
      const answer = await upstream(status)(start)
      expect(errorOf(answer)['details']).toEqual({ status_code: status })
      expect(answer.text).not.toContain('upstreams_own')
      expect(answer.text).not.toContain(upstreamSecret)
    }
  })

  it('too many requests: Retry-After says the seconds, and waiting them is enough', async () => {
    const tiers: Tiers = { '0': { rpm: 60, tpm: 100_000 } }
    const gateway = await start({ options: { tiers } })
    const { key } = await gateway.makeKey({ tier: '0' })
    for (let count = 0; count < 60; count++) await gateway.ask({ key })
    const answer = await gateway.ask({ key })
    expect(errorOf(answer)['message']).toBe('Request rate limit exceeded (60/min)')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.headers.get('x-ratelimit-limit-requests')).toBe('60')
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(answer.headers.get('x-ratelimit-reset-requests')).toBe('1m0s')
    expect(answer.headers.get('x-ratelimit-limit-tokens')).toBeNull()
    gateway.clock.advance(1_000)
    const later = await gateway.ask({ key })
    expect(later.status).toBe(200)
    expect(later.headers.get('x-ratelimit-limit-tokens')).toBe('100000')
  })

  it("a key's form: sk-lazu-, accepted in each carrier an SDK has", async () => {
    const gateway = await start()
    const { key } = gateway
    expect(key).toMatch(/^sk-lazu-[0-9A-Za-z]{38}$/)
    for (const headers of carriers(key)) {
      expect((await gateway.ask({ key: undefined, headers })).status).toBe(200)
    }
  })

  it('what is at no path of ours has an id as well, and so has what breaks in the handler', async () => {
    const server = await harness.start({
      gateway: { dialect: 'lazu' },
      routes: {
        'GET /broken': () => {
          throw Object.assign(new Error('short and stout'), { status: 418, expose: true })
        },
      },
    })
    try {
      expectError(await send(server, 'GET /nothing'), 404, 'route_not_found')
      expectError(await send(server, 'GET /broken'), 418, 'invalid_request')
    } finally {
      await server.close()
    }
  })
}

/** Holds an answer to the envelope as well. */
function expectError(answer: Received, status: number, code: string, param?: string): void {
  const error = errorOf(answer)
  const members = ['message', 'type', 'code', 'param', 'request_id']
  if (error['details'] !== undefined) members.push('details')
  expect(Object.keys(error)).toEqual(members)
  expect({ status: answer.status, code: error['code'], param: error['param'] }).toEqual({
    status,
    code,
    param: param ?? null,
  })
  expect(error['request_id']).toMatch(idForm)
  expect(answer.headers.get('x-lazu-request-id')).toBe(error['request_id'])
}

/** The ways the official SDKs send keys. */
function carriers(key: string): Record<string, string>[] {
  return [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }, { 'x-goog-api-key': key }]
}
