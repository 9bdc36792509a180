import { ok, warning, type Check } from '../check.js'
import { configCheck } from '../needs.js'

/** A request that hangs ends. */
export const timeout: Check = configCheck(
  { code: 'LAZU_DOCTOR_NO_TIMEOUT', title: 'Every request ends' },
  ({ gateway: { timeout: given } }) => {
    const total = typeof given === 'object' ? given.total : given
    if (total !== undefined)
      return [ok(`A request takes ${typeof total === 'number' ? `${total} ms` : total} at most.`)]
    return [
      warning(
        'gateway.timeout has no total: a handler that hangs keeps its connection, its place among ' +
          'the requests in flight and its reservation for ever.',
        "Write timeout: '120s', or timeout: { total: '10m', idle: '30s' } where answers are long.",
      ),
    ]
  },
)
