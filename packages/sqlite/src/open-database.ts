import { resolve } from 'node:path'
import Database from 'libsql'
import { ConfigurationError } from '@lazu/core/stores'
import { rowOf, type SqliteDatabase } from './database.js'
import { meaningOf } from './failures.js'

/**
 * How sure a commit is when the power fails. `full`: it is on the disk. `normal`: the newest charges
 * may be lost, never more than that; credits and changes of keys are on the disk in any case.
 */
export type Synchronous = 'normal' | 'full'

/** The path of a database that is in memory. */
export const inMemory = ':memory:'

/**
 * Opens a file, or makes it, with a write-ahead log beside it.
 *
 * @param name what the path is called in an error
 * @throws ConfigurationError where no write-ahead log can be, and what libsql throws
 */
export function openDatabase(path: string, name: string, synchronous: Synchronous): SqliteDatabase {
  // As it is written, `libsql://host` is a server for libsql, and `file:a?b` a file with settings.
  const database: SqliteDatabase = new Database(path === inMemory ? path : resolve(path))
  try {
    setUp(database, name, synchronous)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function setUp(database: SqliteDatabase, name: string, synchronous: Synchronous): void {
  // Only while it is opened: afterwards nobody waits with the event loop held.
  database.exec('PRAGMA busy_timeout = 5000')
  const mode = rowOf(database.prepare('PRAGMA journal_mode = WAL').get())?.['journal_mode']
  if (mode !== 'wal' && mode !== 'memory') {
    throw new ConfigurationError(
      'LAZU_CONFIG_STORE',
      name,
      'stands where a write-ahead log cannot be kept',
      'Name a file on a disk of this machine.',
    )
  }
  database.exec(`PRAGMA synchronous = ${synchronous}`)
  // Copying the log into the file waits for the disk. It holds the same few pages again and again, so
  // four times the usual length makes that as short, and one in 600 requests in place of one in 150.
  database.exec('PRAGMA wal_autocheckpoint = 4000')
}

/** Runs what opens a store, and tells SQLite's errors as mistakes in its configuration. */
export function opening<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const meaning = meaningOf(error)
    if (meaning === undefined) throw error
    const mistake = new ConfigurationError('LAZU_CONFIG_STORE', path, meaning.problem, meaning.mend)
    mistake.cause = error
    throw mistake
  }
}
