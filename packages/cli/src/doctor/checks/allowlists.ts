import { mistake, notChecked, ok, type Check } from '../check.js'
import { configCheck } from '../needs.js'
import { seenAddress } from './seen-address.js'
import { spoofedAddress } from './spoofed-address.js'

/** Allowlists mean what they say. */
export const allowlists: Check = configCheck(
  { code: 'LAZU_DOCTOR_ALLOWLIST', title: 'Allowlists go by the right address' },
  ({ gateway }, examination) => {
    const { keys } = examination.stores
    const listed = keys?.kind === 'answered' ? keys.value.filter(({ allow }) => allow) : []
    if (gateway.allow === undefined && listed.length === 0) {
      return keys?.kind === 'failed'
        ? [notChecked('The keys do not answer.')]
        : [ok('Neither the gateway nor a key that was looked at has an allowlist.')]
    }
    const findings = [...seenAddress.run(examination), ...spoofedAddress.run(examination)]
    const problem = findings.find(({ level }) => level === 'mistake')
    if (problem === undefined) {
      const isSure = findings.every(({ level }) => level === 'ok')
      if (isSure) return [ok('The server sees the address that allowlists go by.')]
      return [notChecked('It is not sure which address the server sees.')]
    }
    const whose = [
      ...(gateway.allow === undefined ? [] : ['gateway.allow']),
      ...(listed.length === 0 ? [] : [`the lists of ${listed.length} keys`]),
    ].join(' and ')
    return [
      mistake(
        `Allowlists (${whose}) go by an address that is not the caller's. ${problem.found}`,
        problem.mend ?? '',
      ),
    ]
  },
)
