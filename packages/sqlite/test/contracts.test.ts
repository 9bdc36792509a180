import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import {
  runKeyStoreContract,
  runLedgerContract,
  runRequestLogContract,
  type FakeClock,
} from '@lazu/testkit'
import { afterEach } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0
let open: SqliteStore[] = []
const pathOf = new Map<Ledger, string>()

function openStore(path: string, clock?: FakeClock): SqliteStore {
  const store = sqliteStore({ path, clock })
  pathOf.set(store.ledger, path)
  open.push(store)
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
  for (const store of open) await store.close()
  open = []
  pathOf.clear()
})

runKeyStoreContract('SQLite', () => openStore(newPath()).keys)

runLedgerContract('SQLite', (clock) => openStore(newPath(), clock).ledger, { reopen })

runRequestLogContract('SQLite', () => {
  const { requestLog } = openStore(newPath())
  return { log: requestLog, flushed: () => requestLog.flush() }
})
