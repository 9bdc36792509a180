import { proxySign } from '../addresses.js'
import { mistake, notChecked, ok, type Check, type Finding } from '../check.js'
import type { RouteSeen, ServerSeen } from '../examination.js'
import { mountInOrder } from '../mounting.js'
import { routesCheck } from '../needs.js'

/** Whoever has no key is refused before the body is read. */
export const bodyBeforeKey: Check = routesCheck(
  { code: 'LAZU_DOCTOR_BODY_BEFORE_KEY', title: 'The key is asked for before the body is read' },
  (server, { config }) =>
    config !== undefined && config.gateway.keys === undefined
      ? [notChecked('The configuration has no keys.')]
      : server.routes.map((route) => ofRoute(route, server)),
)

function ofRoute(
  { route, withoutKey, unsentBody }: RouteSeen,
  { unknownPath }: ServerSeen,
): Finding {
  if (unsentBody.kind === 'not_sent') return notChecked(unsentBody.reason, { route })
  if (withoutKey.kind === 'not_sent') return notChecked(withoutKey.reason, { route })
  if (withoutKey.outcome.kind === 'no_answer' || withoutKey.outcome.status !== 401) {
    return notChecked(`${route} does not ask for a key.`, { route })
  }
  const { outcome } = unsentBody
  if (outcome.kind === 'answer' && outcome.status === 401) {
    return ok(`${route} refuses a body of 100 MB unread.`, { route })
  }
  const waits = outcome.kind === 'no_answer' && outcome.reason === 'deadline'
  const tooLarge = outcome.kind === 'answer' && outcome.status === 413
  if (!waits && !tooLarge) {
    const answer = outcome.kind === 'answer' ? `answers ${outcome.status}` : outcome.problem
    return notChecked(`${route} does not ask for a key first (${answer}).`, { route })
  }
  const sign = proxySign(outcome.kind === 'answer' ? outcome : unknownPath)
  if (sign !== undefined) {
    return notChecked(`A proxy in front (${sign}) may be what looks at the body of ${route}.`, {
      route,
    })
  }
  const how = waits ? 'waits for the body' : 'refuses the size of the body (413)'
  return mistake(
    `${route} ${how} before it asks for a key: strangers can make it read whatever they send.`,
    mountInOrder,
    { route },
  )
}
