import { GatewayError, type RequestLog } from '@lazu/core'
import { askStore } from './ask-store.js'
import type { NotSent, RouteSeen, Seen, ServerSeen, ServerState } from './examination.js'
import { findRecords } from './find-records.js'
import { isTried } from './probe-plan.js'
import type { Answer } from './probe.js'
import { Prober, type ServerToExamine } from './prober.js'

/** Sends probes to a running server, and looks up what its request log has of them. */
export async function examineServer(server: ServerToExamine): Promise<ServerState> {
  const { url, isExpected, routes, requestLog } = server
  const prober = new Prober(server)
  const unknownPath = await prober.unknownPath()
  if (unknownPath.kind === 'no_answer') {
    return { kind: 'missing', url, isExpected, problem: unknownPath }
  }
  const elsewhere = redirectedTo(unknownPath, url)
  if (elsewhere !== undefined) {
    const problem = { reason: 'redirect', problem: elsewhere } as const
    return { kind: 'missing', url, isExpected, problem }
  }
  const first = routes.find(isTried)
  const spoofed =
    first === undefined || requestLog === undefined ? undefined : await prober.spoofed(first)
  const seen: RouteSeen[] = []
  for (const route of routes) seen.push(await prober.route(route))
  const ownVerdict = await verdictOf(server)
  return withRecords(
    { kind: 'seen', url, unknownPath, spoofed, routes: seen, ownVerdict },
    requestLog,
  )
}

/** Where a redirect leads, when that is another server than ours. */
function redirectedTo({ status, headers }: Answer, url: URL): string | undefined {
  const { location } = headers
  if (status < 300 || status >= 400 || location === undefined) return undefined
  const target = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined
  return target === undefined || target.origin === url.origin ? undefined : target.origin
}

/** What this configuration's own keys say of the key. */
async function verdictOf({ gateway, apiKey }: ServerToExamine): Promise<ServerSeen['ownVerdict']> {
  const keys = gateway?.keys
  if (keys === undefined || apiKey === undefined) return undefined
  const answer = await askStore(async () => {
    try {
      await keys.authenticate(apiKey)
      return 'known' as const
    } catch (error) {
      if (GatewayError.is(error) && error.condition.startsWith('api_key_'))
        return 'refused' as const
      throw error
    }
  })
  return answer.kind === 'answered' ? answer.value : undefined
}

async function withRecords(
  server: ServerSeen,
  requestLog: RequestLog | undefined,
): Promise<ServerSeen> {
  if (requestLog === undefined) return server
  const { spoofed, routes } = server
  const all = routes.flatMap((route) => [
    route.withoutKey,
    route.unsentBody,
    route.unknownModel,
    route.brokenJson,
  ])
  const records = await findRecords(requestLog, [
    ...all,
    ...(spoofed === undefined ? [] : [spoofed]),
  ])
  const known = <T extends Seen | NotSent>(seen: T): T => ({ ...seen, record: records.get(seen) })
  return {
    ...server,
    spoofed: spoofed === undefined ? undefined : known(spoofed),
    routes: routes.map((route) => ({
      route: route.route,
      withoutKey: known(route.withoutKey),
      unsentBody: known(route.unsentBody),
      unknownModel: known(route.unknownModel),
      brokenJson: known(route.brokenJson),
    })),
  }
}
