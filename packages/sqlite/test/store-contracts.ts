import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@lazu/core'
import { sqliteStore, type SqliteDatabase, type SqliteStore } from '@lazu/sqlite'
import {
  runKeyStoreContract,
  runLedgerContract,
  runRequestLogContract,
  type FakeClock,
} from '@lazu/testkit'
import { afterEach } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

/** Opens the database in a file, which may not be there yet. */
export type OpenDatabase = (path: string) => SqliteDatabase

/** Holds the store to the contracts of the testkit, on databases that somebody else opened. */
export function runStoreContracts(driver: string, openDatabase: OpenDatabase): void {
  const folder = temporaryFolder()
  const pathOf = new Map<Ledger, string>()
  let files = 0
  let open: { store: SqliteStore; database: SqliteDatabase }[] = []

  function openStore(path: string, clock?: FakeClock): SqliteStore {
    const database = openDatabase(path)
    const store = sqliteStore({ database, clock })
    pathOf.set(store.ledger, path)
    open.push({ store, database })
    return store
  }

  function newPath(): string {
    return join(folder, `${files++}.db`)
  }

  /** What a process that was killed leaves on the disk, opened by the next one. */
  function reopen(ledger: Ledger, clock: FakeClock): Ledger {
    const before = pathOf.get(ledger)
    if (before === undefined) throw new Error('this is no ledger of ours')
    const path = newPath()
    for (const suffix of ['', '-wal']) {
      if (existsSync(before + suffix)) copyFileSync(before + suffix, path + suffix)
    }
    return openStore(path, clock).ledger
  }

  afterEach(async () => {
    for (const { store, database } of open) {
      await store.close()
      database.close()
    }
    open = []
    pathOf.clear()
  })

  runKeyStoreContract(driver, () => openStore(newPath()).keys)
  runLedgerContract(driver, (clock) => openStore(newPath(), clock).ledger, { reopen })
  runRequestLogContract(driver, () => {
    const { requestLog } = openStore(newPath())
    return { log: requestLog, flushed: () => requestLog.flush() }
  })
}
