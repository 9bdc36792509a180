import {
  createKeys,
  MemoryKeyStore,
  MemoryLedger,
  quotaConflict,
  usd,
  type Condition,
  type GatewayErrorOptions,
} from '@lazu/core'
import { z } from 'zod'
import { chatBody, type Differences, type Gateway } from './gateway.js'
import type { Received, Sent } from './http.js'
import { relayTo, type UpstreamWay } from './upstream.js'

/** Starts a gateway in the dialect and the framework of the test. */
export type Start = (differences?: Differences) => Promise<Gateway>

/** Something that goes wrong, and what comes back of it. */
export type Situation = (start: Start) => Promise<Received>

/** A handler that says itself what went wrong: what only a handler can know. */
export function handlerSays(condition: Condition, options?: GatewayErrorOptions): Situation {
  return async (start) => {
    const gateway = await start({ handler: ({ lazu }) => lazu.fail(condition, options) })
    return gateway.ask()
  }
}

/** A handler that throws what its upstream answers. */
export function upstream(way: UpstreamWay): Situation {
  return async (start) => (await start({ handler: await relayTo(way) })).ask()
}

/** A request that differs from one that would be answered. */
export function asking(sent: Sent, differences?: Differences, path?: string): Situation {
  return async (start) => (await start(differences)).ask(sent, path)
}

const chatSchema = z.object({
  model: z.string(),
  messages: z.array(z.object({ role: z.enum(['user', 'system']), content: z.string() })),
  temperature: z.number().min(0).max(2).optional(),
})

/** A request whose body a zod schema has something against. */
export function invalid(changes: object): Situation {
  return asking({ body: chatBody(changes) }, { options: { validate: chatSchema } })
}

export const noKey: Situation = asking({ key: undefined })

export const malformedKey: Situation = asking({ key: 'nonsense' })

/** A key of another server. */
export const otherPrefix: Situation = async (start) => {
  const gateway = await start()
  const { key } = await createKeys({ prefix: 'other-' }).create({ account: 'other', name: 'other' })
  return gateway.ask({ key })
}

/** A key with the right prefix and checksum, and an unknown secret. */
export const unknownKey: Situation = async (start) => {
  const gateway = await start()
  const prefix = gateway.key.slice(0, -38)
  const { key } = await createKeys({ prefix }).create({ account: 'other', name: 'other' })
  return gateway.ask({ key })
}

export const revokedKey: Situation = async (start) => {
  const gateway = await start()
  const { key, id } = await gateway.makeKey()
  await gateway.keys.revoke(id)
  return gateway.ask({ key })
}

export const disabledKey: Situation = async (start) => {
  const gateway = await start()
  const { key, id } = await gateway.makeKey()
  await gateway.keys.disable(id)
  return gateway.ask({ key })
}

export const expiredKey: Situation = async (start) => {
  const gateway = await start()
  const { key } = await gateway.makeKey({ expiresAtMs: gateway.clock.wallMs() + 1_000 })
  gateway.clock.advance(1_000)
  return gateway.ask({ key })
}

export const foreignAddress: Situation = async (start) => {
  const gateway = await start()
  const { key } = await gateway.makeKey({ allow: ['192.0.2.0/24'] })
  return gateway.ask({ key })
}

export const forbiddenModel: Situation = async (start) => {
  const gateway = await start()
  const { key } = await gateway.makeKey({ models: ['gpt-5-mini'] })
  return gateway.ask({ key })
}

/** $0.12 are there, $0.50 are needed: 5,000 tokens at $100 a million. */
export const lowBalance: Situation = asking(
  { body: chatBody({ max_tokens: 5_000 }) },
  { credit: 0.12 },
)

export const zeroBalance: Situation = asking({}, { credit: 0 })

export const spentCap: Situation = async (start) => {
  const gateway = await start()
  const { key } = await gateway.makeKey({ caps: { total: usd(0.5) } })
  return gateway.ask({ key, body: chatBody({ max_tokens: 5_001 }) })
}

export const unpricedModel: Situation = asking({ body: chatBody({ model: 'unpriced' }) })

/** A price there is, but not for the lane of the key. */
export const unpricedLane: Situation = async (start) => {
  const lanes = { direct: { input: 0, output: usd(100) } }
  const gateway = await start({ options: { prices: { 'gpt-5': { lanes } } } })
  const { key } = await gateway.makeKey({ lane: 'cheap' })
  return gateway.ask({ key })
}

/** What a ledger says when two servers take the same money at once. */
class ContestedLedger extends MemoryLedger {
  override reserve(): never {
    throw quotaConflict()
  }
}

export const lostRace: Situation = asking({}, { options: { ledger: new ContestedLedger() } })

/** Thirty a minute, one at a time: the second must wait two seconds. */
export const tooManyRequests: Situation = async (start) => {
  const gateway = await start({ options: { limits: { rpm: 30, burst: 1 } } })
  await gateway.ask()
  return gateway.ask()
}

/** Ten tokens a second, and the request of 58 before took all but two. */
export const tooManyTokens: Situation = async (start) => {
  const gateway = await start({ options: { limits: { tpm: 600 } } })
  await gateway.ask({ body: chatBody({ max_tokens: 500 }) })
  return gateway.ask({ body: chatBody({ max_tokens: 500 }) })
}

export const tooManyAtOnce: Situation = async (start) => {
  const running = signal()
  const over = signal()
  const gateway = await start({
    options: { limits: { concurrency: 1 } },
    async handler() {
      running.give()
      await over.given
      return {}
    },
  })
  const first = gateway.ask()
  await running.given
  const second = await gateway.ask()
  over.give()
  await first
  return second
}

export const badJson: Situation = asking({ body: '{"model": "gpt-5", ' })

export const plainText: Situation = asking({
  headers: { 'content-type': 'text/plain' },
  body: 'Hi',
})

export const otherCharset: Situation = asking({
  headers: { 'content-type': 'application/json; charset=iso-8859-1' },
  body: chatBody(),
})

export const largeBody: Situation = asking(
  { body: chatBody({ messages: ['x'.repeat(2_000)] }) },
  { bodyLimitBytes: 1_000 },
)

export const missingModel: Situation = asking({ body: { messages: [] } })

export const unknownModel: Situation = asking({ body: chatBody({ model: 'no-such-model' }) })

export const unknownPath: Situation = async (start) => {
  const gateway = await start()
  return gateway.send('POST /v1/nothing', { key: gateway.key, body: chatBody() })
}

/** A handler whose call to an upstream ran into its own deadline. */
export const lateUpstream: Situation = async (start) => {
  const deadline = AbortSignal.abort(new DOMException('It took too long.', 'TimeoutError'))
  const handler = (): Promise<unknown> => fetch('http://127.0.0.1/', { signal: deadline })
  return (await start({ handler })).ask()
}

/** A handler that is not done after the 120 seconds the gateway gives it. */
export const lateHandler: Situation = async (start) => {
  const running = signal()
  const gateway = await start({
    options: { timeout: '120s' },
    async handler({ lazu }) {
      const aborted = signal()
      lazu.signal.addEventListener('abort', aborted.give)
      running.give()
      await aborted.given
    },
  })
  const answer = gateway.ask()
  await running.given
  gateway.clock.advance(119_999)
  gateway.clock.advance(1)
  return answer
}

export const bug: Situation = async (start) => {
  const gateway = await start({
    handler() {
      throw new TypeError("Cannot read properties of undefined (reading 'secret')")
    },
  })
  return gateway.ask()
}

/** A handler whose answer is no JSON. */
export const cyclicAnswer: Situation = async (start) => {
  const answer: { self?: object } = {}
  answer.self = answer
  return (await start({ handler: () => answer })).ask()
}

class AbsentKeyStore extends MemoryKeyStore {
  override findByDigest(): never {
    throw new Error('connect ECONNREFUSED')
  }
}

/** The store of the keys is away, and nobody can say whether this one is good. */
export const absentStore: Situation = async (start) => {
  const prefix = (await start()).key.slice(0, -38)
  const keys = createKeys({ prefix, store: new AbsentKeyStore() })
  const gateway = await start({ options: { keys } })
  return gateway.ask()
}

/** A promise that somebody gives. */
function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let resolveIt: () => void = ignore
  const given = new Promise<void>((resolve) => {
    resolveIt = resolve
  })
  return { given, give: () => resolveIt() }
}

function ignore(): void {}
