import { createGateway, type GatewayOptions } from '@lazu/core'
import type { LazuConfig } from '../config.js'
import { withoutKeys } from '../secrets.js'
import { askStore } from './ask-store.js'
import { mostKeys, type Examination, type ServerState, type StoresSeen } from './examination.js'
import { examineServer } from './examine-server.js'
import { parseRoute, type Route } from './probe-plan.js'

/** What to examine. */
export interface Subject {
  /** Undefined when the configuration cannot be read. */
  readonly config: LazuConfig | undefined
  /** Why it cannot be read. */
  readonly configProblem: string | undefined
  /** The server somebody named for this examination, in place of the configuration's. */
  readonly url: URL | undefined
  /** In place of the configuration's, unless empty. */
  readonly routes: readonly Route[]
  /** A key that may be used for probes. */
  readonly apiKey: string | undefined
}

/** Looks at a configuration, its stores and its running server. */
export async function examine(subject: Subject): Promise<Examination> {
  const { config, configProblem } = subject
  const stores = await seeStores(config?.gateway)
  return {
    config,
    configProblem: configProblem ?? gatewayProblem(config),
    stores,
    server: await seeServer(subject, stores),
  }
}

/** What a server would be told that starts with these options. */
function gatewayProblem(config: LazuConfig | undefined): string | undefined {
  if (config === undefined) return undefined
  try {
    createGateway(config.gateway)
    return undefined
  } catch (error) {
    return withoutKeys(error instanceof Error ? error.message : String(error))
  }
}

async function seeStores(gateway: GatewayOptions = {}): Promise<StoresSeen> {
  const { keys, ledger, limitStore, requestLog } = gateway
  const [ofKeys, ofLedger, ofLimits, ofLog] = await Promise.all([
    keys && askStore(() => keys.list({ limit: mostKeys })),
    ledger && askStore(() => ledger.balance('lazu-doctor-nobody')),
    // A place that nobody holds: to give it back changes nothing.
    limitStore && askStore(() => limitStore.free([{ name: 'lazu-doctor', id: 'nobody' }])),
    requestLog && askStore(() => requestLog.find('lazu-doctor-nothing')),
  ])
  return { keys: ofKeys, ledger: ofLedger, limitStore: ofLimits, requestLog: ofLog }
}

async function seeServer(
  { config, url: given, routes, apiKey }: Subject,
  stores: StoresSeen,
): Promise<ServerState> {
  const url = given ?? (config?.url === undefined ? undefined : new URL(config.url))
  const isExpected = given !== undefined
  if (url === undefined) return { kind: 'missing', url, isExpected, problem: { reason: 'no_url' } }
  const logAnswers = stores.requestLog?.kind === 'answered'
  const configured = (config?.routes ?? []).flatMap((name) => parseRoute(name) ?? [])
  return examineServer({
    url,
    isExpected,
    routes: routes.length > 0 ? routes : configured,
    gateway: config?.gateway,
    requestLog: logAnswers ? config?.gateway.requestLog : undefined,
    apiKey,
  })
}
