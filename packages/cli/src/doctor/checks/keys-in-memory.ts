import { keysAreInMemory } from '../../in-memory.js'
import { notChecked, ok, warning, type Check } from '../check.js'
import { configCheck } from '../needs.js'

/** The keys outlive the process. A warning: a configuration may import the same few at every start. */
export const keysInMemory: Check = configCheck(
  {
    code: 'LAZU_DOCTOR_KEYS_IN_MEMORY',
    title: 'The keys survive a restart',
  },
  ({ gateway: { keys } }) => {
    if (keys === undefined) return [notChecked('The configuration has no keys.')]
    if (!keysAreInMemory(keys)) return [ok('The keys are not in memory alone.')]
    return [
      warning(
        'gateway.keys are in the memory of each process: those that are made while it runs are gone ' +
          'with it, and no server knows a key that this command makes.',
        'Give them a store: keys: createKeys({ store: sqliteStore({ path }).keys }), of @lazu/sqlite; ' +
          'unless the configuration imports all keys itself.',
      ),
    ]
  },
)
