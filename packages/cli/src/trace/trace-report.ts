import type { ApiKey, GatewayOptions, RequestRecord } from '@lazu/core'
import type { Output } from '../output.js'
import { decisionHeads, decisionRows, outcomeOf } from './decisions.js'
import type { Trace } from './find-trace.js'
import { endingOf, movementHeads, movementRow } from './money.js'

/** Tells a person what happened to a request. */
export function printTrace(
  output: Output,
  requestId: string,
  trace: Trace,
  gateway: GatewayOptions,
): void {
  const { request, key, movements } = trace
  output.facts([
    ['Request', requestId],
    ...(request === undefined ? [] : requestFacts(request)),
    ...keyFacts(trace, key),
  ])
  output.line()
  if (request === undefined) output.line(withoutRecord(gateway))
  else printDecisions(output, request)
  output.line()
  if (gateway.ledger === undefined) {
    output.line('The configuration has no ledger, so no money was moved.')
    return
  }
  if (movements.length > 0) output.table(movementHeads, movements.map(movementRow))
  output.line(endingOf(movements))
}

function requestFacts(request: RequestRecord): [label: string, value: string][] {
  const facts: [string, string | undefined][] = [
    ["Caller's id", request.clientRequestId],
    ['Time', new Date(request.atMs).toISOString()],
    ['Route', `${request.method} ${request.path}`],
    ['Model', request.model],
    ['Address', request.clientAddress ?? 'could not be told'],
    ['Outcome', outcomeOf(request)],
  ]
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value]]))
}

function keyFacts(
  { request, movements }: Trace,
  key: ApiKey | undefined,
): [label: string, value: string][] {
  if (key !== undefined) {
    const status = key.status === 'active' ? '' : `, ${key.status} now`
    return [
      ['Key', `${key.id} "${key.name}" ${key.shown}${status}`],
      ['Account', key.account],
    ]
  }
  const [first] = movements
  const id = request?.keyId ?? first?.key
  if (id === undefined) return [['Key', 'none was recognised']]
  return [
    ['Key', `${id}, which the configured keys do not hold`],
    ['Account', request?.account ?? first?.account ?? 'not known'],
  ]
}

function withoutRecord({ requestLog }: GatewayOptions): string {
  return requestLog === undefined
    ? 'The configuration has no requestLog, so the decisions are not known: this is what the ledger has.'
    : 'The request log has no record of it, or none any more: this is what the ledger has.'
}

function printDecisions(output: Output, request: RequestRecord): void {
  output.table(decisionHeads, decisionRows(request))
  if (request.limits.length === 0) return
  output.line()
  output.table(
    ['Limit', 'Of', 'Left'],
    request.limits.map(({ rule, limit, remaining }) => [rule, String(limit), String(remaining)]),
  )
}
