import { join } from 'node:path'
import Database from 'libsql'
import { sqliteStore, type SqliteDatabase } from '@lazu/sqlite'
import { describe, expect, it } from 'vitest'
import { runDatabaseContracts } from './store-contracts.js'
import { temporaryFolder } from './temporary-folder.js'

/**
 * A database that takes only what all drivers take: better-sqlite3 knows no numbered parameters, no
 * `run` where there are rows, and no `get` or `all` where there are none.
 */
class StrictDatabase implements SqliteDatabase {
  readonly #database: Database.Database

  constructor(path: string) {
    this.#database = new Database(path)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  prepare(sql: string): ReturnType<SqliteDatabase['prepare']> {
    if (/\?\d|[@:$]\w/.test(sql)) throw new Error(`parameters that are no plain ?: ${sql}`)
    const statement = this.#database.prepare(sql)
    const check = (returnsRows: boolean): void => {
      if (statement.reader !== returnsRows) throw new Error(`the wrong method for ${sql}`)
    }
    return {
      run(...parameters) {
        check(false)
        return statement.run(...parameters)
      },
      get(...parameters) {
        check(true)
        return statement.get(...parameters)
      },
      all(...parameters) {
        check(true)
        return statement.all(...parameters)
      },
    }
  }

  close(): void {
    this.#database.close()
  }
}

runDatabaseContracts('a database that was opened before', (path) => new StrictDatabase(path), 50)

describe('a database that was opened before', () => {
  const folder = temporaryFolder()

  it('stays open when its store is closed', async () => {
    const database = new Database(join(folder, 'stays-open.db'))
    const store = sqliteStore({ database })
    await store.ledger.credit('acme', 100, 'c1')
    await store.close()
    expect(database.prepare('SELECT granted FROM lazu_accounts').raw().all()).toEqual([[100]])
    database.close()
  })

  it('keeps its settings, whatever is written', async () => {
    const database = new Database(join(folder, 'settings.db'))
    database.exec('PRAGMA synchronous = OFF; PRAGMA busy_timeout = 12; PRAGMA cache_size = 77')
    const settings = (): unknown[] =>
      ['journal_mode', 'synchronous', 'busy_timeout', 'cache_size'].map((name) =>
        database.prepare(`PRAGMA ${name}`).raw().get(),
      )
    const before = settings()
    expect(before).toEqual([['delete'], [0], [12], [77]])
    const { ledger } = sqliteStore({ database })
    await ledger.credit('acme', 100, 'c1')
    await ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 1, ttlMs: 1_000 })
    await ledger.settle('r1', 1)
    expect(settings()).toEqual(before)
    database.close()
  })

  it('serves two stores at once', async () => {
    const database = new Database(':memory:')
    const one = sqliteStore({ database })
    const other = sqliteStore({ database })
    await one.ledger.credit('acme', 100, 'c1')
    await other.ledger.reserve({ id: 'r1', account: 'acme', key: 'k1', amount: 60, ttlMs: 1_000 })
    expect(await one.ledger.balance('acme')).toMatchObject({ held: 60, available: 40 })
    database.close()
  })
})
