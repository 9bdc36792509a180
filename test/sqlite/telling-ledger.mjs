import { writeSync } from 'node:fs'
import { whenDone } from '@lazu/core'

/**
 * Tells the parent something. It is in the pipe when this returns, whatever happens to this process.
 *
 * @param {import('./server-process.js').Told} told
 */
export function tell(told) {
  writeSync(1, `${JSON.stringify(told)}\n`)
}

/**
 * Kills this process. Nothing runs after it.
 *
 * @param {string} id the request it is killed at
 */
export function die(id) {
  tell({ event: 'dying', id })
  process.kill(process.pid, 'SIGKILL')
}

/**
 * Makes a ledger tell of each charge before it is made, and of each credit and each end of a
 * reservation once it was answered, and kills this process at the n-th time it comes to a point.
 *
 * @param {import('@lazu/sqlite').SqliteLedger} ledger
 * @param {import('./server-process.js').KillAt | undefined} killAt
 */
export function tellAndDie(ledger, killAt) {
  let left = killAt?.times ?? 0
  /** @type {(point: import('./server-process.js').LedgerPoint, id: string) => void} */
  const pass = (point, id) => {
    if (point !== killAt?.point || --left > 0) return
    die(id)
  }

  const reserve = ledger.reserve.bind(ledger)
  ledger.reserve = (request) => {
    pass('before reserve', request.id)
    return whenDone(
      () => reserve(request),
      (reservation) => {
        pass('after reserve', request.id)
        return reservation
      },
    )
  }

  const settle = ledger.settle.bind(ledger)
  ledger.settle = (id, amount, tokens) => {
    pass('before settle', id)
    tell({ event: 'settling', id, amount })
    return whenDone(
      () => settle(id, amount, tokens),
      (end) => {
        pass('after settle', id)
        if (end !== undefined) tell({ event: 'ended', ...end })
        return end
      },
    )
  }

  const credit = ledger.credit.bind(ledger)
  ledger.credit = (account, amount, reference) =>
    whenDone(
      () => credit(account, amount, reference),
      (balance) => {
        tell({ event: 'credited', amount, reference })
        return balance
      },
    )
}
