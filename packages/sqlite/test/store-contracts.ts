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

/** A store, and what closes it with all it stands on. */
export interface OpenStore {
  readonly store: SqliteStore
  readonly close: () => Promise<void>
}

/**
 * Holds the store to the contracts of the testkit.
 *
 * @param openFile opens the store in a file, which may not be there yet
 * @param stories how many stories the ledger is told
 */
export function runStoreContracts(
  name: string,
  openFile: (path: string, clock: FakeClock | undefined) => OpenStore,
  stories: number,
): void {
  const folder = temporaryFolder()
  const pathOf = new Map<Ledger, string>()
  let files = 0
  let open: OpenStore[] = []

  function openStore(path: string, clock?: FakeClock): SqliteStore {
    const opened = openFile(path, clock)
    pathOf.set(opened.store.ledger, path)
    open.push(opened)
    return opened.store
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
    for (const { close } of open) await close()
    open = []
    pathOf.clear()
  })

  runKeyStoreContract(name, () => openStore(newPath()).keys)
  runLedgerContract(name, (clock) => openStore(newPath(), clock).ledger, { reopen, stories })
  runRequestLogContract(name, () => {
    const { requestLog } = openStore(newPath())
    return { log: requestLog, flushed: () => requestLog.flush() }
  })
}

/** Holds a store to the contracts that is in a database somebody else opened. */
export function runDatabaseContracts(
  driver: string,
  openDatabase: (path: string) => SqliteDatabase,
): void {
  runStoreContracts(
    driver,
    (path, clock) => {
      const database = openDatabase(path)
      const store = sqliteStore({ database, clock })
      return {
        store,
        async close() {
          await store.close()
          database.close()
        },
      }
    },
    20,
  )
}
