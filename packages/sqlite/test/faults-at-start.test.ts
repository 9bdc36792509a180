import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import Database from 'libsql'
import { ConfigurationError } from '@lazu/core'
import { sqliteStore, type SqliteDatabase } from '@lazu/sqlite'
import { describe, expect, it } from 'vitest'
import { migrations } from '../dist/migrations.js'
import { openElsewhere } from './children.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()

/** The mistake in options that stops the start; they may be any that JavaScript would pass. */
function mistake(options: unknown): ConfigurationError {
  try {
    Reflect.apply(sqliteStore, undefined, [options])
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('it opened')
}

/** The mistake in a file, and what it says, with the folder left out. */
function mistakeIn(path: string): { said: string; cause: unknown } {
  const error = mistake({ path })
  expect(error.code).toBe('LAZU_CONFIG_STORE')
  expect(error.path).toBe(`sqliteStore().path ${JSON.stringify(path)}`)
  return { said: error.message.replace(folder, '…'), cause: error.cause }
}

/** A file with a credit in it and no log beside it, as it is after a backup. */
function storeFile(name: string): string {
  const path = join(folder, name)
  const database = new Database(':memory:')
  void sqliteStore({ database }).ledger.credit('acme', 100, 'c1')
  database.exec(`VACUUM INTO '${path}'`)
  database.close()
  const copy = new Database(path)
  copy.exec('PRAGMA journal_mode = WAL')
  copy.close()
  return path
}

/** A folder in the folder, which everybody may look into. */
function folderFor(name: string): string {
  chmodSync(folder, 0o755)
  const own = join(folder, name)
  mkdirSync(own)
  return own
}

describe('a file that stops the start', () => {
  it('is one that is no database', () => {
    const path = join(folder, 'letter.txt')
    writeFileSync(path, 'Dear Sir or Madam, '.repeat(300))
    const { said, cause } = mistakeIn(path)
    expect(said).toMatchInlineSnapshot(
      `"LAZU_CONFIG_STORE: sqliteStore().path "…/letter.txt" is no SQLite database. Name another file, or one that does not exist yet."`,
    )
    expect(cause).toMatchObject({ code: 'SQLITE_NOTADB' })
    expect(readFileSync(path, 'utf8')).toBe('Dear Sir or Madam, '.repeat(300))
  })

  it('is a folder', () => {
    const { said, cause } = mistakeIn(folder)
    expect(said).toMatchInlineSnapshot(
      `"LAZU_CONFIG_STORE: sqliteStore().path "…" cannot be opened. Make its folder if there is none, and let this user read and write in it."`,
    )
    expect(cause).toBeInstanceOf(Error)
  })

  it('is one in a folder that is not there', () => {
    const { said, cause } = mistakeIn(join(folder, 'missing', 'gateway.db'))
    expect(said).toMatchInlineSnapshot(
      `"LAZU_CONFIG_STORE: sqliteStore().path "…/missing/gateway.db" cannot be opened. Make its folder if there is none, and let this user read and write in it."`,
    )
    expect(cause).toBeInstanceOf(Error)
  })

  it.each([
    'libsql://127.0.0.1/gateway',
    'https://127.0.0.1/gateway',
    `file:${folder}/a?mode=memory`,
  ])('is none of this machine: %s', (path) => {
    expect(mistakeIn(path).said).toContain('cannot be opened')
  })

  it('is one that is damaged', () => {
    const path = storeFile('damaged.db')
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill('x', 100, 4_000))
    const { said, cause } = mistakeIn(path)
    expect(said).toMatchInlineSnapshot(
      `"LAZU_CONFIG_STORE: sqliteStore().path "…/damaged.db" is damaged. Restore a backup."`,
    )
    expect(cause).toMatchObject({ code: 'SQLITE_CORRUPT' })
  })

  it('is one whose end is missing', () => {
    const path = storeFile('cut-off.db')
    writeFileSync(path, readFileSync(path).subarray(0, 8_192))
    expect(mistakeIn(path).said).toContain('is damaged. Restore a backup.')
  })

  it('is one that a newer version wrote, and stays as it is', () => {
    const path = storeFile('newer.db')
    const newer = new Database(path)
    newer.exec('UPDATE lazu_schema SET version = 99; CREATE TABLE lazu_future (a)')
    newer.close()
    const before = readFileSync(path)
    expect(mistakeIn(path).said).toBe(
      'LAZU_CONFIG_STORE: sqliteStore().path "…/newer.db" has schema version 99, and this ' +
        `@lazu/sqlite knows versions up to ${migrations.length}. Install the newer @lazu/sqlite ` +
        'that wrote it, or restore a backup from before.',
    )
    expect(readFileSync(path)).toEqual(before)
  })

  it(
    'is one that somebody else has locked, for longer than a start waits',
    { timeout: 20_000 },
    () => {
      const path = storeFile('locked.db')
      const other = new Database(path)
      other.exec('BEGIN EXCLUSIVE')
      const { said, cause } = mistakeIn(path)
      expect(said).toMatchInlineSnapshot(
        `"LAZU_CONFIG_STORE: sqliteStore().path "…/locked.db" is locked by another process. End whatever holds it, a backup or a shell with an open transaction for instance."`,
      )
      expect(cause).toMatchObject({ code: 'SQLITE_BUSY' })
      other.exec('ROLLBACK')
      void sqliteStore({ path }).close()
      other.close()
    },
  )

  describe('and that this user', () => {
    it('may read only', async () => {
      const own = folderFor('file-read-only')
      const path = storeFile(join(basename(own), 'gateway.db'))
      chmodSync(own, 0o777)
      chmodSync(path, 0o444)
      const said = await openElsewhere(path, '--as-nobody')
      expect(said.replace(folder, '…')).toMatchInlineSnapshot(`
        "ConfigurationError: LAZU_CONFIG_STORE: sqliteStore().path "…/file-read-only/gateway.db" cannot be written to. Let this user write to the file and to its folder, where its journal stands, too.
        caused by SQLITE_READONLY attempt to write a readonly database"
      `)
    })

    it('may write, but not its folder', async () => {
      const own = folderFor('folder-read-only')
      const path = storeFile(join(basename(own), 'gateway.db'))
      chmodSync(path, 0o666)
      chmodSync(own, 0o555)
      const said = await openElsewhere(path, '--as-nobody')
      chmodSync(own, 0o755)
      expect(said).toContain('gateway.db" cannot be written to. Let this user write to the file')
      expect(said).toContain('attempt to write a readonly database')
    })

    it('may not read', async () => {
      const own = folderFor('unreadable')
      const path = storeFile(join(basename(own), 'gateway.db'))
      chmodSync(path, 0o000)
      const said = await openElsewhere(path, '--as-nobody')
      expect(said).toContain('gateway.db" cannot be opened.')
    })
  })
})

describe('a database that stops the start', () => {
  it('is one that holds something else under the names of the store', () => {
    const database = new Database(':memory:')
    database.exec('CREATE TABLE lazu_keys (a)')
    const error = mistake({ database })
    expect(error.message).toMatchInlineSnapshot(
      `"LAZU_CONFIG_STORE: sqliteStore().database cannot be used: table lazu_keys already exists. This is SQLite's error 1."`,
    )
    expect(error.cause).toMatchObject({ message: 'table lazu_keys already exists' })
  })

  it('is one that may not wait for another process, which is writing', () => {
    const path = storeFile('no-waiting.db')
    const [database, other] = [new Database(path), new Database(path)]
    other.exec('BEGIN IMMEDIATE')
    expect(mistake({ database }).message).toContain('is locked by another process. End whatever')
    other.exec('ROLLBACK')
    expect(sqliteStore({ database }).ledger.balance('acme')).toMatchObject({ granted: 100 })
    database.close()
    other.close()
  })
})

describe('an option that stops the start', () => {
  const path = join(folder, 'options.db')
  const database: SqliteDatabase = new Database(':memory:')
  const rows: [object | undefined, string, string][] = [
    [undefined, '', 'INVALID_OPTION'],
    [{}, '.path', 'MISSING_OPTION'],
    [{ path: '' }, '.path', 'INVALID_OPTION'],
    [{ path: 5 }, '.path', 'INVALID_OPTION'],
    [{ path: 'a\u0000b' }, '.path', 'INVALID_OPTION'],
    [{ path, file: path }, '.file', 'UNKNOWN_OPTION'],
    [{ path, synchronous: 'off' }, '.synchronous', 'INVALID_OPTION'],
    [{ path, busyTimeout: 'soon' }, '.busyTimeout', 'INVALID_DURATION'],
    [{ path, busyTimeout: 0 }, '.busyTimeout', 'INVALID_DURATION'],
    [{ path, busyTimeout: null }, '.busyTimeout', 'INVALID_OPTION'],
    [{ path, keptRequests: -1 }, '.keptRequests', 'INVALID_OPTION'],
    [{ path, keptRequests: 1.5 }, '.keptRequests', 'INVALID_OPTION'],
    [{ path, clock: Date }, '.clock', 'INVALID_OPTION'],
    [{ database: {} }, '.database', 'INVALID_OPTION'],
    [{ database: path }, '.database', 'INVALID_OPTION'],
    [{ database, path }, '.path', 'UNKNOWN_OPTION'],
    [{ database, synchronous: 'full' }, '.synchronous', 'UNKNOWN_OPTION'],
  ]

  it.each(rows)('is in %j', (options, where, code) => {
    const error = mistake(options)
    expect(error.path).toBe(`sqliteStore()${where}`)
    expect(error.code).toBe(`LAZU_CONFIG_${code}`)
  })

  it('is told with what would be right', () => {
    const said = [
      { path: 5 },
      { path, synchronous: 'off' },
      { path, busyTimeout: 'soon' },
      { path, keptRequests: 1.5 },
      { database: {} },
    ].map((options) => mistake(options).message)
    expect(said).toMatchInlineSnapshot(`
      [
        "LAZU_CONFIG_INVALID_OPTION: sqliteStore().path is 5. Name a file.",
        "LAZU_CONFIG_INVALID_OPTION: sqliteStore().synchronous is "off". Write 'normal' or 'full'.",
        "LAZU_CONFIG_INVALID_DURATION: sqliteStore().busyTimeout is "soon". Write a duration such as '500ms', '120s', '2m' or '1h', or a number of milliseconds.",
        "LAZU_CONFIG_INVALID_OPTION: sqliteStore().keptRequests is 1.5. Write a whole number from 0 up.",
        "LAZU_CONFIG_INVALID_OPTION: sqliteStore().database is an object. Give an open database of better-sqlite3, libsql or node:sqlite.",
      ]
    `)
  })
})
