import {
  createKeys,
  Events,
  MemoryLedger,
  usd,
  type GatewayEvents,
  type GatewayOptions,
} from '@lazu/core'
import {
  FakeClock,
  startScriptedUpstream,
  type App,
  type RunningApp,
  type ScriptedUpstream,
} from '@lazu/testkit'
import { channels, type ChannelOptions, type Upstream, type UpstreamOptions } from '@lazu/upstream'
import { onTestFinished } from 'vitest'
import { expressHarness } from '../../express/test/harness.js'
import { fastifyHarness } from '../../fastify/test/harness.js'
import { koaHarness } from '../../koa/test/harness.js'

export const harnesses = [expressHarness, koaHarness, fastifyHarness]

/** An upstream that is closed when the test is over. */
export async function scripted(options?: { tls?: boolean }): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream(options)
  onTestFinished(() => upstream.close())
  return upstream
}

/** A gateway in front of channels, on a clock that a test moves, and all that is heard of it. */
export interface TestGateway extends RunningApp {
  readonly clock: FakeClock
  readonly ledger: MemoryLedger
  readonly upstream: Upstream
  readonly failures: GatewayEvents['channelFailed'][]
  /** What was logged, as one text. */
  readonly log: string[]
  /** What requests were charged: a token of output costs 2 micro-dollars, in the lane `cheap` 1. */
  readonly settled: GatewayEvents['settled'][]
  readonly broken: GatewayEvents['failed'][]
  /** What a request with the good key has for its head. */
  readonly headers: Readonly<Record<'authorization' | 'content-type', string>>
  /** A request with the good key. */
  post(body: object, more?: { path?: string; signal?: AbortSignal }): Promise<Response>
}

/** What a test's gateway is made of. */
export interface TestGatewayOptions {
  readonly harness?: (typeof harnesses)[number]
  readonly channels: readonly ChannelOptions[]
  /** In place of `channels`, which serve every model. */
  readonly models?: UpstreamOptions['models']
  readonly upstream?: Omit<UpstreamOptions, 'models'>
  readonly gateway?: Partial<GatewayOptions>
  readonly lane?: string
  readonly routes?: (upstream: Upstream) => App['routes']
}

/** Starts a gateway on Express, or on the framework of a harness. */
export async function startGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const { harness = expressHarness } = options
  const clock = new FakeClock()
  const keys = createKeys({ clock })
  const ledger = new MemoryLedger({ clock })
  ledger.credit('acme', usd(10), 'welcome')
  const { key } = await keys.create({ account: 'acme', name: 'good', lane: options.lane })
  const upstream = channels({
    ...options.upstream,
    models: options.models ?? { '*': options.channels },
  })
  const events = new Events()
  const failures: TestGateway['failures'] = []
  const settled: TestGateway['settled'] = []
  const broken: TestGateway['broken'] = []
  const log: string[] = []
  events.on('channelFailed', (event) => failures.push(event))
  events.on('settled', (event) => settled.push(event))
  events.on('failed', (event) => broken.push(event))
  const note = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`)
  }
  const forward = ({ lazu }: { lazu: Parameters<Upstream['forward']>[0] }): Promise<void> =>
    upstream.forward(lazu)
  const app = await harness.start({
    gateway: {
      keys,
      ledger,
      prices: {
        m: { lanes: { direct: { input: 0, output: usd(2) }, cheap: { input: 0, output: usd(1) } } },
      },
      clock,
      events,
      logger: { error: note, warn: note },
      ...options.gateway,
    },
    errors: { clock },
    routes: options.routes?.(upstream) ?? {
      'POST /v1/chat/completions': forward,
      'POST /v1/responses': forward,
      'POST /v1/messages': forward,
      'GET /v1/models': forward,
    },
  })
  onTestFinished(async () => {
    await app.close()
    await upstream.close()
  })
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return {
    ...app,
    headers,
    clock,
    ledger,
    upstream,
    failures,
    settled,
    broken,
    log,
    post: (body, { path = '/v1/chat/completions', signal } = {}) =>
      fetch(`${app.url}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
  }
}
