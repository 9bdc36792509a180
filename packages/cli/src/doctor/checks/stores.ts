import { mistake, notChecked, ok, type Check } from '../check.js'
import type { Examination, StoresSeen } from '../examination.js'

/** The store of the keys answers. */
export const keysAnswer: Check = storeCheck('keys', {
  code: 'LAZU_DOCTOR_KEYS',
  title: 'The keys answer',
  absent: 'The configuration has no keys: no key is asked for.',
})

/** The ledger answers. */
export const ledgerAnswers: Check = storeCheck('ledger', {
  code: 'LAZU_DOCTOR_LEDGER',
  title: 'The ledger answers',
  absent: 'The configuration has no ledger: nothing is charged.',
})

/** The request log answers. */
export const requestLogAnswers: Check = storeCheck('requestLog', {
  code: 'LAZU_DOCTOR_REQUEST_LOG',
  title: 'The request log answers',
  absent:
    'The configuration has no requestLog: what the guards decide is only inferred from answers.',
})

interface StoreFacts {
  readonly code: Check['code']
  readonly title: string
  readonly absent: string
}

function storeCheck(name: keyof StoresSeen, { code, title, absent }: StoreFacts): Check {
  return {
    code,
    title,
    run: ({ config, stores }: Examination) => {
      const answer = stores[name]
      if (config === undefined) return [notChecked('The configuration cannot be read.')]
      if (answer === undefined) return [notChecked(absent)]
      if (answer.kind === 'failed') {
        return [
          mistake(
            `gateway.${name} does not answer: ${answer.problem}.`,
            'See that its store runs, and that it is the right file or address; ' +
              'requests that need it are answered with 503.',
          ),
        ]
      }
      const tookMs = Math.round(answer.tookMs * 10) / 10
      return [ok(`gateway.${name} answered in ${tookMs} ms.`, { facts: { tookMs } })]
    },
  }
}
