import { ledgerIsInMemory } from '../../in-memory.js'
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
    if (!ledgerIsInMemory(ledger)) return [ok('The ledger is not in memory alone.')]
    return [
      mistake(
        'gateway.ledger is in the memory of each process: balances are gone with it, and this command ' +
          'sees none of the server.',
        "Give a durable one: ledger: sqliteStore({ path: 'lazu.db' }).ledger, of @lazu/sqlite.",
      ),
    ]
  },
)
