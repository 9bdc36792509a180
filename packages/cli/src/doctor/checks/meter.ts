import { mistake, notChecked, ok, type Check, type Finding } from '../check.js'
import { envelopeOf, isNoRoute } from '../envelope.js'
import type { RouteSeen, Seen } from '../examination.js'
import { isBodyGuard } from '../guard-states.js'
import type { Answer } from '../probe.js'
import { mountInOrder, startWithConfig } from '../mounting.js'
import { routesCheck } from '../needs.js'

/** Bodies are checked, priced and paid for. */
export const meter: Check = routesCheck(
  { code: 'LAZU_DOCTOR_METER', title: 'Bodies are checked and paid for' },
  ({ routes }) => routes.map(ofRoute),
)

function ofRoute({ route, unknownModel }: RouteSeen): Finding {
  if (unknownModel.kind === 'not_sent') return notChecked(unknownModel.reason, { route })
  const { outcome, record } = unknownModel
  if (outcome.kind === 'no_answer') {
    return mistake(
      `${route} does not answer a request for a model nobody has: ${outcome.problem}.`,
      mountInOrder,
      { route },
    )
  }
  if (record !== undefined) return ofRecord(route, record)
  if ([401, 403, 429, 503].includes(outcome.status)) {
    return notChecked(`${route} answers ${outcome.status} to LAZU_KEY.`, { route })
  }
  const isRefusal =
    outcome.status >= 400 && outcome.status < 500 && envelopeOf(outcome) !== undefined
  if (isRefusal && !isNoRoute(outcome, route)) {
    return ok(`${route} refuses a model nobody has, as is inferred from its ${outcome.status}.`, {
      route,
    })
  }
  return unmetered(route, outcome, 'as is inferred from its answer')
}

function ofRecord(
  route: string,
  { passed, refusedBy, status }: NonNullable<Seen['record']>,
): Finding {
  if (refusedBy !== undefined && isBodyGuard(refusedBy)) {
    return ok(`${route} refuses a model nobody has (${refusedBy}).`, { route })
  }
  if (refusedBy !== undefined) {
    return notChecked(`${route} refuses LAZU_KEY before it reads the body (${refusedBy}).`, {
      route,
    })
  }
  if (passed.some(isBodyGuard)) {
    return mistake(
      `${route} lets a model through that nobody has, which this configuration refuses.`,
      startWithConfig,
      { route },
    )
  }
  return unmetered(route, { status }, 'as its request log shows')
}

function unmetered(route: string, { status }: Pick<Answer, 'status'>, how: string): Finding {
  return mistake(
    `${route} does not check bodies and charges nothing, ${how}: a model nobody has reaches the ` +
      `handler, which answers ${status}.`,
    mountInOrder,
    { route },
  )
}
