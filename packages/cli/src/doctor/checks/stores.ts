import { mistake, notChecked, ok, type Check, type Finding } from '../check.js'
import type { Examination, StoresSeen } from '../examination.js'

const refused = 'requests that need it are answered with 503'

/** The store of the keys answers. */
export const keysAnswer: Check = storeCheck('keys', {
  code: 'LAZU_DOCTOR_KEYS',
  title: 'The keys answer',
  absent: notChecked('The configuration has no keys: no key is asked for.'),
  meanwhile: refused,
})

/** The ledger answers. */
export const ledgerAnswers: Check = storeCheck('ledger', {
  code: 'LAZU_DOCTOR_LEDGER',
  title: 'The ledger answers',
  absent: notChecked('The configuration has no ledger: nothing is charged.'),
  meanwhile: refused,
})

/** The store of the limits answers. */
export const limitStoreAnswers: Check = storeCheck('limitStore', {
  code: 'LAZU_DOCTOR_LIMIT_STORE',
  title: 'The store of the limits answers',
  absent: ok('The configuration has no limitStore: each process counts limits by itself.'),
  meanwhile: 'until then requests are limited as whenLimitsFail says',
})

/** The request log answers. */
export const requestLogAnswers: Check = storeCheck('requestLog', {
  code: 'LAZU_DOCTOR_REQUEST_LOG',
  title: 'The request log answers',
  absent: notChecked(
    'The configuration has no requestLog: what the guards decide is only inferred from answers.',
  ),
  meanwhile: refused,
})

interface StoreFacts {
  readonly code: Check['code']
  readonly title: string
  /** What to say of one that is not configured. */
  readonly absent: Finding
  /** What it means for requests that it does not answer. */
  readonly meanwhile: string
}

function storeCheck(name: keyof StoresSeen, { code, title, absent, meanwhile }: StoreFacts): Check {
  return {
    code,
    title,
    run: ({ config, stores }: Examination) => {
      const answer = stores[name]
      if (config === undefined) return [notChecked('The configuration cannot be read.')]
      if (answer === undefined) return [absent]
      if (answer.kind === 'failed') {
        return [
          mistake(
            `gateway.${name} does not answer: ${answer.problem}.`,
            `See that its store runs, and that it is the right file or address; ${meanwhile}.`,
          ),
        ]
      }
      const tookMs = Math.round(answer.tookMs * 10) / 10
      return [ok(`gateway.${name} answered in ${tookMs} ms.`, { facts: { tookMs } })]
    },
  }
}
