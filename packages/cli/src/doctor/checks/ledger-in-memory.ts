import { MemoryLedger } from '@lazu/core'
import { mistake, notChecked, ok, type Check } from '../check.js'
import { configCheck } from '../needs.js'

/** The ledger outlives the process. */
export const ledgerInMemory: Check = configCheck(
  {
    code: 'LAZU_DOCTOR_LEDGER_IN_MEMORY',
    title: 'The money survives a restart',
  },
  ({ gateway: { ledger } }) => {
    if (ledger === undefined) return [notChecked('The configuration has no ledger.')]
    // By its name, too: the server may have a copy of the package of its own.
    if (ledger instanceof MemoryLedger || ledger.constructor.name === 'MemoryLedger') {
      return [
        mistake(
          'gateway.ledger is a MemoryLedger: balances are gone with the process, and this command ' +
            'sees none of them.',
          "Give a durable one: ledger: sqliteStore({ path: 'lazu.db' }).ledger, of @lazu/sqlite.",
        ),
      ]
    }
    return [ok('The ledger is not in memory alone.')]
  },
)
