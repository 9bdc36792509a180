import diagnostics from 'node:diagnostics_channel'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  createKeys,
  GatewayError,
  MemoryLedger,
  usd,
  type Condition,
  type DialectName,
  type GatewayOptions,
} from '@lazu/core'
import { FakeClock, type HandlerInput, type Harness } from '@lazu/testkit'
import type { TestContext } from 'vitest'
import { expressHarness } from '../../packages/express/test/harness.js'
import { fastifyHarness } from '../../packages/fastify/test/harness.js'
import { koaHarness } from '../../packages/koa/test/harness.js'

/** A dialect on a framework. */
export interface Server {
  readonly name: string
  readonly harness: Harness
  readonly dialect: DialectName
  readonly protocol?: 'native'
}

/** Every framework with each of these dialects. */
export function serversOf(
  ...spoken: readonly Pick<Server, 'dialect' | 'protocol'>[]
): readonly Server[] {
  return spoken.flatMap(({ dialect, protocol }) =>
    [expressHarness, koaHarness, fastifyHarness].map((harness) => ({
      name: [harness.name, dialect, protocol].filter((word) => word !== undefined).join(', '),
      harness,
      dialect,
      ...(protocol !== undefined && { protocol }),
    })),
  )
}

/** All servers that speak the protocols of the routes. */
export const nativeServers = serversOf(
  { dialect: 'lazu', protocol: 'native' },
  { dialect: 'lemondata' },
  { dialect: 'chuizi' },
)

/** What keys and request ids of each dialect look like. */
export const forms: Readonly<
  Record<DialectName, { readonly key: string; readonly idHeader: string; readonly id: RegExp }>
> = {
  lazu: {
    key: 'sk-lazu-',
    idHeader: 'x-lazu-request-id',
    id: /^req_lazu_[0-9A-HJKMNP-TV-Z]{26}$/,
  },
  tokendog: { key: 'sk-', idHeader: 'x-oneapi-request-id', id: /^[0-9A-HJKMNP-TV-Z]{26}$/ },
  lemondata: { key: 'sk-', idHeader: 'x-request-id', id: /^req_[0-9A-HJKMNP-TV-Z]{26}$/ },
  chuizi: { key: 'ck-', idHeader: 'x-chuizi-generation-id', id: /^gen-[a-z0-9]{24}$/ },
  foza: { key: 'sk-foza-', idHeader: 'x-request-id', id: /^req_[0-9A-HJKMNP-TV-Z]{26}$/ },
}

/** The model every gateway has; a request costs $0.35. */
export const model = 'lazu-echo'

/** Where each protocol is served. */
const paths = [
  '/v1/chat/completions',
  '/v1/messages',
  '/anthropic/v1/messages',
  '/v1beta/models/:call',
  '/gemini/v1beta/models/:call',
]

/** A handler, told the server's clock and how many requests reached it before this one. */
export type Answer = (input: HandlerInput, clock: FakeClock, before: number) => unknown

export interface GatewaySetup {
  readonly answer: Answer
  /** In the place of the gateway's own options. */
  readonly gateway?: Partial<GatewayOptions> | undefined
}

/** A request as it reached the server, before anything of ours has seen it. */
export interface Arrival {
  readonly atMs: number
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** A key, named for what it is or may not do. */
export type KeyName =
  | 'good'
  | 'unknown'
  | 'disabled'
  | 'revoked'
  | 'expired'
  | 'elsewhere'
  | 'narrow'
  | 'poor'
  | 'capped'

/** A gateway that listens until the test is over. */
export interface Gateway {
  readonly server: Server
  readonly url: string
  /** Stands still, unless the setup gave the gateway another one. */
  readonly clock: FakeClock
  readonly keys: Readonly<Record<KeyName, string>>
  readonly arrivals: readonly Arrival[]
  /** What the server logged. */
  readonly logged: readonly string[]
  /** A header of the last response. */
  responseHeader(name: string): string | undefined
  /** Stops listening. */
  stop(): Promise<void>
}

/** Starts a gateway. */
export async function startGateway(
  server: Server,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  { answer, gateway }: GatewaySetup,
): Promise<Gateway> {
  const clock = new FakeClock()
  const ledger = new MemoryLedger({ clock })
  ledger.credit('rich', usd(1_000), 'first')
  ledger.credit('poor', usd(0.12), 'first')
  const { store, keys } = await makeKeys(forms[server.dialect].key, clock)
  const logged: string[] = []
  const log = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`)
  }

  let handled = 0
  const handler = (input: HandlerInput): unknown => answer(input, clock, handled++)
  const app = await server.harness.start({
    gateway: {
      dialect: server.dialect,
      ...(server.protocol !== undefined && { protocol: server.protocol }),
      keys: store,
      ledger,
      models: [model],
      prices: { [model]: { input: 0, output: 0, call: usd(0.35) } },
      clock,
      logger: { error: log, warn: log },
      ...gateway,
    },
    bodyLimitBytes: 1_000,
    routes: Object.fromEntries(paths.map((path) => [`POST ${path}`, handler])),
  })

  const arrivals: Arrival[] = []
  const note = (message: unknown): void => {
    if (!isArrival(message) || message.request.socket.localPort !== app.port) return
    const { request, response } = message
    arrivals.push({ atMs: performance.now(), request, response })
  }
  diagnostics.subscribe('http.server.request.start', note)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    diagnostics.unsubscribe('http.server.request.start', note)
    return (stopped ??= app.close())
  }
  onTestFinished(stop)

  return {
    server,
    url: app.url,
    clock,
    keys,
    arrivals,
    logged,
    responseHeader(name) {
      const value = arrivals.at(-1)?.response.getHeader(name)
      return value === undefined ? undefined : String(value)
    },
    stop,
  }
}

async function makeKeys(
  prefix: string,
  clock: FakeClock,
): Promise<{ store: ReturnType<typeof createKeys>; keys: Record<KeyName, string> }> {
  const store = createKeys({ prefix, clock })
  const rich = { account: 'rich', name: 'a key' }
  const made = {
    good: await store.create(rich),
    unknown: await createKeys({ prefix, clock }).create(rich),
    disabled: await store.create(rich),
    revoked: await store.create(rich),
    expired: await store.create({ ...rich, expiresAtMs: clock.wallMs() - 1 }),
    elsewhere: await store.create({ ...rich, allow: ['192.0.2.0/24'] }),
    narrow: await store.create({ ...rich, models: ['another-model'] }),
    poor: await store.create({ ...rich, account: 'poor' }),
    capped: await store.create({ ...rich, caps: { day: usd(0.2) } }),
  }
  await store.disable(made.disabled.record.id)
  await store.revoke(made.revoked.record.id)
  const { good, unknown, disabled, revoked, expired, elsewhere, narrow, poor, capped } = made
  return {
    store,
    keys: {
      good: good.key,
      unknown: unknown.key,
      disabled: disabled.key,
      revoked: revoked.key,
      expired: expired.key,
      elsewhere: elsewhere.key,
      narrow: narrow.key,
      poor: poor.key,
      capped: capped.key,
    },
  }
}

function isArrival(message: unknown): message is Omit<Arrival, 'atMs'> {
  return (
    typeof message === 'object' &&
    message !== null &&
    'request' in message &&
    message.request instanceof IncomingMessage &&
    'response' in message &&
    message.response instanceof ServerResponse
  )
}

/** Throws a condition. */
export const fails =
  (condition: Condition): Answer =>
  () => {
    throw new GatewayError(condition)
  }

/** Streams events, and once they are on their way does what is told. */
export function streaming(
  events: readonly string[],
  then: (...parts: Parameters<Answer>) => unknown,
): Answer {
  return (input, clock, before) => {
    async function* source(): AsyncGenerator<string> {
      // In one piece, so that none of them waits in a buffer.
      yield events.join('')
      while (!input.raw.response.headersSent) await setImmediate()
      await then(input, clock, before)
    }
    return input.stream(Readable.from(source()))
  }
}

/** Never settles, as a handler that hangs. */
export const never = new Promise<never>(() => {})
