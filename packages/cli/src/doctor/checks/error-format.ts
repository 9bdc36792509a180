import { proxySign } from '../addresses.js'
import { mistake, notChecked, ok, warning, type Check, type Finding } from '../check.js'
import { envelopeOf } from '../envelope.js'
import type { RouteSeen } from '../examination.js'
import type { Answer } from '../probe.js'
import { mountErrors } from '../mounting.js'
import { routesCheck, serverCheck } from '../needs.js'

/** What no route takes is answered in the envelope. */
export const unknownPath: Check = serverCheck(
  { code: 'LAZU_DOCTOR_NOT_FOUND_FORMAT', title: 'An unknown path is answered in the envelope' },
  ({ unknownPath: answer }) => [ofUnknownPath(answer)],
)

function ofUnknownPath(answer: Answer): Finding {
  const { status } = answer
  if (status < 400) {
    return notChecked(`An unknown path is answered with ${status}: something takes every path.`)
  }
  if (envelopeOf(answer) !== undefined) return ok('An unknown path is answered in the envelope.')
  const found = `An unknown path is answered with ${status} and ${kindOf(answer)}, not in the envelope.`
  const sign = proxySign(answer)
  if (sign === undefined) return mistake(found, mountErrors)
  return warning(`${found} It may come from a proxy in front (${sign}).`, mountErrors)
}

/** A body that is no JSON is answered in the envelope. */
export const brokenJson: Check = routesCheck(
  { code: 'LAZU_DOCTOR_ERROR_FORMAT', title: 'Broken JSON is answered in the envelope' },
  ({ routes }) => routes.map(ofBrokenJson),
)

function ofBrokenJson({ route, brokenJson: sent }: RouteSeen): Finding {
  if (sent.kind === 'not_sent') return notChecked(sent.reason, { route })
  const { outcome } = sent
  if (outcome.kind === 'no_answer') {
    return notChecked(`${route} does not answer broken JSON: ${outcome.problem}.`, { route })
  }
  const { status } = outcome
  if ([401, 403, 429, 503].includes(status)) {
    return notChecked(`${route} answers ${status} to LAZU_KEY.`, { route })
  }
  if (status < 400) return notChecked(`${route} answers ${status} to broken JSON.`, { route })
  if (envelopeOf(outcome) !== undefined && status < 500) {
    return ok(`${route} answers broken JSON with ${status} in the envelope.`, { route })
  }
  return mistake(
    `${route} answers broken JSON with ${status} and ${kindOf(outcome)}, not with 400 in the envelope.`,
    mountErrors,
    { route },
  )
}

function kindOf({ headers }: Answer): string {
  return (headers['content-type'] ?? 'no content type').slice(0, 80)
}
