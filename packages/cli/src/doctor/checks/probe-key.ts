import { notChecked, ok, warning, type Check } from '../check.js'
import type { NotSent, Seen } from '../examination.js'
import { isBodyGuard } from '../guard-states.js'
import type { Answer } from '../probe.js'
import { routesCheck } from '../needs.js'

/** LAZU_KEY may be used. */
export const probeKey: Check = routesCheck(
  { code: 'LAZU_DOCTOR_PROBE_KEY', title: 'The server takes LAZU_KEY' },
  ({ routes }) => {
    const sent = routes.map(({ unknownModel }) => unknownModel)
    const answered = sent.find(hasAnswer)
    if (answered === undefined) {
      const reason = sent.find(({ kind }) => kind === 'not_sent')
      return [notChecked(reason?.kind === 'not_sent' ? reason.reason : 'It was not answered.')]
    }
    if (isRefused(answered)) {
      return [
        warning(
          `The server answers ${answered.outcome.status} to LAZU_KEY, so nothing behind the key was ` +
            'looked at.',
          'Give a key that works from here: lazu keys create --account <account> --name doctor.',
        ),
      ]
    }
    return [ok('The server takes LAZU_KEY.')]
  },
)

type Answered = Seen & { readonly outcome: Answer }

function hasAnswer(seen: Seen | NotSent): seen is Answered {
  return seen.kind === 'sent' && seen.outcome.kind === 'answer'
}

/** Whether the key was refused, and not what came with it. */
function isRefused({ outcome, record }: Answered): boolean {
  const isDenied = outcome.status === 401 || outcome.status === 403
  return isDenied && (record?.refusedBy === undefined || !isBodyGuard(record.refusedBy))
}
