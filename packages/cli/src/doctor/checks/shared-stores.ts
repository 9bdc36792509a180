import { mistake, notChecked, ok, type Check, type Finding } from '../check.js'
import { envelopeOf } from '../envelope.js'
import type { Examination, NotSent, Seen, ServerSeen } from '../examination.js'
import { routesCheck } from '../needs.js'

const sameStores =
  'Let the server import this configuration, and look at relative paths: a file named relative to ' +
  'the working directory is another one elsewhere.'

/** The server and this configuration have the same stores. */
export const sharedStores: Check = routesCheck(
  { code: 'LAZU_DOCTOR_OTHER_STORES', title: 'The server uses the stores of this configuration' },
  (server, examination) => {
    const { ownVerdict } = server
    const serverTakesKey = takesKey(server)
    if (ownVerdict === 'known' && serverTakesKey === false) {
      return [
        mistake(
          "The server refuses LAZU_KEY, which is among this configuration's keys.",
          sameStores,
        ),
      ]
    }
    if (ownVerdict === 'refused' && serverTakesKey === true) {
      return [
        mistake("The server takes LAZU_KEY, which this configuration's keys refuse.", sameStores),
      ]
    }
    return [
      ofRecords(server, examination, ownVerdict !== undefined && serverTakesKey !== undefined),
    ]
  },
)

function ofRecords({ routes }: ServerSeen, { stores }: Examination, keysAgree: boolean): Finding {
  const strangers = routes.flatMap(({ withoutKey }) =>
    withoutKey.kind === 'sent' && statusOf(withoutKey) === 401 ? withoutKey : [],
  )
  const withKey = routes.flatMap(({ unknownModel }) =>
    unknownModel.kind === 'sent' && isTaken(unknownModel) ? unknownModel : [],
  )
  const all = [...strangers, ...withKey]
  if (stores.requestLog?.kind !== 'answered' || all.length === 0) {
    return keysAgree
      ? ok('The server and this configuration agree on LAZU_KEY.')
      : notChecked('Neither a request log nor LAZU_KEY tells.')
  }
  if (all.some(({ record }) => record !== undefined)) {
    return ok('What the server notes of requests is in the request log of this configuration.')
  }
  // Requests with a key are always noted, of others ten a second.
  const doubt =
    withKey.length > 0 ? '' : ', unless strangers are just sending more than ten a second'
  return mistake(
    `The request log of this configuration has none of the requests the server just answered${doubt}.`,
    `${sameStores} The guards of lazu() note requests, single guards do not.`,
  )
}

/** Whether the server took the key; undefined when that cannot be told. */
function takesKey({ routes }: ServerSeen): boolean | undefined {
  for (const { unknownModel } of routes) {
    if (statusOf(unknownModel) === 401) return false
    if (isTaken(unknownModel)) return true
  }
  return undefined
}

/** Whether a request came past the key, and was refused behind it. */
function isTaken(seen: Seen | NotSent): boolean {
  const status = statusOf(seen)
  return status !== undefined && [400, 404, 422].includes(status)
}

/** The status of an answer of lazu's. */
function statusOf(seen: Seen | NotSent): number | undefined {
  if (seen.kind === 'not_sent' || seen.outcome.kind === 'no_answer') return undefined
  return envelopeOf(seen.outcome) === undefined ? undefined : seen.outcome.status
}
