import { sqliteStore } from '@lazu/sqlite'
import { runStoreContracts } from './store-contracts.js'
import { killThreads } from './threads.js'

runStoreContracts(
  'SQLite',
  (path, clock) => {
    const store = sqliteStore({ path, clock })
    return { store, close: () => store.close(), kill: killThreads }
  },
  5,
)
