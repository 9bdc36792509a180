import {
  createKeys,
  dialects,
  MemoryLedger,
  usd,
  type DialectName,
  type GatewayOptions,
  type Keys,
  type ModelInfo,
  type NewKey,
  type Prices,
} from '@lazu/core'
import { FakeClock, type Handler, type Harness } from '@lazu/testkit'
import { onTestFinished } from 'vitest'
import { send, type Received, type Sent } from './http.js'

export const chat = '/v1/chat/completions'
export const messages = '/v1/messages'
export const generate = '/v1beta/models/gpt-5:generateContent'
export const account = 'acme'

/** What there is beside `gpt-5`: a dearer and two cheaper ones, and one that nobody may hear of. */
export const models: readonly ModelInfo[] = [
  { name: 'gpt-5', contextTokens: 400_000 },
  { name: 'gpt-5-pro', contextTokens: 400_000 },
  { name: 'gpt-5-mini', contextTokens: 1_000_000 },
  { name: 'gpt-5-nano', contextTokens: 2_000_000 },
  { name: 'gpt-5-next', contextTokens: 4_000_000, hidden: true },
  { name: 'unpriced' },
]

/** Only the output costs anything, so that what a request costs is what it asks for. */
export const prices: Prices = {
  'gpt-5': { input: 0, output: usd(100) },
  'gpt-5-pro': { input: 0, output: usd(1_000) },
  'gpt-5-mini': { input: 0, output: usd(10) },
  'gpt-5-nano': { input: 0, output: usd(1) },
  'gpt-5-next': { input: 0, output: usd(1) },
}

/** A request that costs as many dollars as `max_tokens` says ten-thousandths of. */
export function chatBody(changes: object = {}): object {
  return { model: 'gpt-5', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 10, ...changes }
}

/** How a gateway differs from the usual one. */
export interface Differences {
  readonly options?: GatewayOptions
  readonly handler?: Handler
  readonly bodyLimitBytes?: number
  /** Dollars that were paid in; 1,000 unless given. */
  readonly credit?: number
}

/** A gateway of one dialect that listens: real keys, a real ledger, and a clock that stands still. */
export interface Gateway {
  readonly clock: FakeClock
  readonly keys: Keys
  readonly ledger: MemoryLedger
  /** A key that may do everything. */
  readonly key: string
  makeKey(settings?: Partial<NewKey>): Promise<{ readonly key: string; readonly id: string }>
  /** Sends a chat request with the key, unless told otherwise; to `POST` and the path given. */
  ask(sent?: Sent, path?: string): Promise<Received>
  /** Sends whatever is given, and nothing else. */
  send(target: string, sent?: Sent): Promise<Received>
}

/** Starts a gateway that is closed when the test is over. */
export async function startGateway(
  harness: Harness,
  dialect: DialectName,
  { options, handler = () => ({ ok: true }), bodyLimitBytes, credit = 1_000 }: Differences = {},
): Promise<Gateway> {
  const clock = new FakeClock()
  const keys = createKeys({ prefix: dialects[dialect].keyPrefix, clock })
  const ledger = new MemoryLedger({ clock })
  if (credit > 0) ledger.credit(account, usd(credit), 'first')
  const server = await harness.start({
    gateway: {
      dialect,
      keys,
      ledger,
      models,
      prices,
      clock,
      logger: { error() {}, warn() {} },
      ...options,
    },
    ...(bodyLimitBytes !== undefined && { bodyLimitBytes }),
    routes: {
      [`POST ${chat}`]: handler,
      [`POST ${messages}`]: handler,
      'POST /anthropic/v1/messages': handler,
      'POST /v1beta/models/:call': handler,
      'POST /v1/files': handler,
      'GET /v1/models': handler,
    },
  })
  onTestFinished(() => server.close())
  const makeKey: Gateway['makeKey'] = async (settings) => {
    const made = await keys.create({ account, name: 'a key', ...settings })
    return { key: made.key, id: made.record.id }
  }
  const { key } = await makeKey()
  return {
    clock,
    keys,
    ledger,
    key,
    makeKey,
    ask: (sent, path = chat) => send(server, `POST ${path}`, { key, body: chatBody(), ...sent }),
    send: (target, sent) => send(server, target, sent),
  }
}
