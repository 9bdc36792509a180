import type { GatewayOptions, RequestRecord } from '@lazu/core'
import { envelopeOf } from './envelope.js'
import type { NotSent, RouteSeen, Seen } from './examination.js'

/**
 * What is known of a guard on a route: a probe met it; that is inferred from an answer; it was not
 * reached; a probe came past its place without meeting it; the configuration has none.
 */
export type GuardState = 'active' | 'inferred' | 'not reached' | 'missing' | 'off'

const headGuards = ['request-id', 'timeout', 'api-key', 'ip-allowlist', 'rate-limit']
const bodyGuards = ['validate', 'model', 'token-limit', 'quota']
/** In the order in which a gateway enters them. */
const allGuards: readonly string[] = [...headGuards, ...bodyGuards]

/** Whether a guard runs once the body is parsed. */
export function isBodyGuard(name: string): boolean {
  return bodyGuards.includes(name)
}

/** The state of each guard on a route, in their order; guards of the user's own last. */
export function guardStates(
  route: RouteSeen,
  gateway: GatewayOptions | undefined,
): ReadonlyMap<string, GuardState> {
  const records = recordsOf(route)
  const met = new Set(records.flatMap(({ passed, refusedBy }) => [...passed, refusedBy ?? '']))
  const inferred = inferredOf(route)
  const furthest = Math.max(-1, ...records.map(reach))
  const states = new Map<string, GuardState>()
  for (const [place, name] of allGuards.entries()) {
    const isOn = isConfigured(name, gateway)
    if (met.has(name)) states.set(name, 'active')
    else if (!isOn) states.set(name, 'off')
    else if (inferred.has(name)) states.set(name, 'inferred')
    else states.set(name, place < furthest ? 'missing' : 'not reached')
  }
  for (const name of met) if (name !== '' && !states.has(name)) states.set(name, 'active')
  return states
}

function recordsOf(route: RouteSeen): readonly RequestRecord[] {
  const all: readonly (Seen | NotSent)[] = [
    route.withoutKey,
    route.unsentBody,
    route.unknownModel,
    route.brokenJson,
  ]
  return all.flatMap((seen) => (seen.kind === 'sent' ? (seen.record ?? []) : []))
}

/** How far a request came: the place of what refused it, or behind all when nothing did. */
function reach({ refusedBy, passed, condition }: RequestRecord): number {
  const lastPassed = Math.max(-1, ...passed.map((name) => allGuards.indexOf(name)))
  // A timeout refuses from anywhere, and what a body parser throws stands between the phases.
  if (refusedBy === 'timeout') return lastPassed
  if (refusedBy !== undefined) return Math.max(lastPassed, allGuards.indexOf(refusedBy))
  return condition === undefined ? allGuards.length : lastPassed
}

function inferredOf({ withoutKey, unknownModel }: RouteSeen): ReadonlySet<string> {
  const names: string[] = []
  if (isRefusal(withoutKey, 401)) names.push('request-id', 'api-key')
  if (isRefusal(unknownModel, 400) || isRefusal(unknownModel, 404)) {
    names.push('request-id', 'model')
  }
  return new Set(names)
}

function isRefusal(seen: Seen | NotSent, status: number): boolean {
  return (
    seen.kind === 'sent' &&
    seen.outcome.kind === 'answer' &&
    seen.outcome.status === status &&
    envelopeOf(seen.outcome) !== undefined
  )
}

function isConfigured(name: string, gateway: GatewayOptions | undefined): boolean {
  if (gateway === undefined) return true
  switch (name) {
    case 'timeout':
      return gateway.timeout !== undefined
    case 'api-key':
      return gateway.keys !== undefined
    case 'validate':
      return gateway.validate !== undefined
    case 'quota':
      return gateway.ledger !== undefined
    default:
      return true
  }
}
