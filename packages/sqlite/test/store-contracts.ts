import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@lazu/core'
import { sqliteStore, type SqliteDatabase, type SqliteStore } from '@lazu/sqlite'
import {
  runKeyStoreContract,
  runLedgerContract,
  runLedgerNamesContract,
  runRequestLogContract,
  type FakeClock,
} from '@lazu/testkit'
import { afterEach } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

/** A store, and what closes it with all it stands on. */
export interface OpenStore {
  readonly store: SqliteStore
  readonly close: () => Promise<void>
  /** Ends it without a warning, if that can be done. */
  readonly kill?: () => Promise<void>
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
  const openOf = new Map<Ledger, OpenStore & { readonly path: string }>()
  let files = 0
  let open: OpenStore[] = []

  function openStore(path: string, clock?: FakeClock): SqliteStore {
    const opened = openFile(path, clock)
    openOf.set(opened.store.ledger, { ...opened, path })
    open.push(opened)
    return opened.store
  }

  function newPath(): string {
    return join(folder, `${files++}.db`)
  }

  /** Kills a ledger and opens its file anew, or what a process that was killed leaves on the disk. */
  async function reopen(ledger: Ledger, clock: FakeClock): Promise<Ledger> {
    const before = openOf.get(ledger)
    if (before === undefined) throw new Error('this is no ledger of ours')
    if (before.kill !== undefined) {
      await before.kill()
      return openStore(before.path, clock).ledger
    }
    const path = newPath()
    for (const suffix of ['', '-wal']) {
      if (existsSync(before.path + suffix)) copyFileSync(before.path + suffix, path + suffix)
    }
    return openStore(path, clock).ledger
  }

  afterEach(async () => {
    for (const { close } of open) await close()
    open = []
    openOf.clear()
  })

  runKeyStoreContract(name, () => openStore(newPath()).keys)
  runLedgerContract(name, (clock) => openStore(newPath(), clock).ledger, { reopen, stories })
  runLedgerNamesContract(name, (clock) => openStore(newPath(), clock).ledger)
  runRequestLogContract(name, () => {
    const { requestLog } = openStore(newPath())
    return { log: requestLog, flushed: () => requestLog.flush() }
  })
}

/**
 * Holds a store to the contracts that is in a database somebody else opened.
 *
 * @param stories how many stories the ledger is told
 */
export function runDatabaseContracts(
  driver: string,
  openDatabase: (path: string) => SqliteDatabase,
  stories: number,
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
    stories,
  )
}
