import { mistake, notChecked, ok, warning, type Check, type Finding } from '../check.js'
import { envelopeOf } from '../envelope.js'
import type { RouteSeen } from '../examination.js'
import { mountInOrder } from '../mounting.js'
import { routesCheck } from '../needs.js'

/** Every route asks for a key. */
export const openRoutes: Check = routesCheck(
  { code: 'LAZU_DOCTOR_OPEN_ROUTE', title: 'Every route asks for a key' },
  ({ routes }, { config }) => {
    if (config !== undefined && config.gateway.keys === undefined) {
      return [
        warning(
          'gateway.keys is missing, so no route asks for a key.',
          'Give keys: createKeys({ store }), unless everybody may come in.',
        ),
      ]
    }
    return routes.map(ofRoute)
  },
)

function ofRoute({ route, withoutKey }: RouteSeen): Finding {
  if (withoutKey.kind === 'not_sent') return notChecked(withoutKey.reason, { route })
  const { outcome, record } = withoutKey
  if (outcome.kind === 'no_answer') {
    return mistake(
      `${route} does not answer a request without a key: ${outcome.problem}.`,
      mountInOrder,
      { route },
    )
  }
  const { status } = outcome
  if (status === 429 || status === 503) {
    return notChecked(`${route} answers ${status}: try again later.`, { route })
  }
  if (status !== 401) {
    const refuser = record?.refusedBy
    if (refuser !== undefined) {
      return mistake(
        `${route} answers ${status} to a request without a key: ${refuser} refuses it, which stands ` +
          'before the key, or there is no key guard.',
        'Use lazu() with keys, or mount lazuAuth({ keys }) first.',
        { route },
      )
    }
    return mistake(
      `${route} answers ${status} to a request without a key.`,
      status === 404 || status === 405
        ? `See that this is the route as it is mounted. ${mountInOrder}`
        : mountInOrder,
      { route },
    )
  }
  if (envelopeOf(outcome) === undefined) {
    return warning(
      `${route} answers 401 to a request without a key, but not in lazu's words: somebody before it ` +
        'refuses the request.',
      'See who answers there (a proxy, another middleware): clients cannot read that answer.',
      { route },
    )
  }
  return ok(`${route} asks for a key.`, { route })
}
