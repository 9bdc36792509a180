import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'libsql'
import { GatewayError, type ApiKey, type Balance } from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { makeRecord } from '@lazu/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { childPath } from './children.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

const key: ApiKey = {
  id: 'key_1',
  account: 'acme',
  name: 'first',
  shown: '…',
  status: 'active',
  createdAtMs: 1,
  revision: 1,
  digest: 'digest 1',
}
const record = makeRecord('request 1')
const newKey: ApiKey = { ...key, id: 'key_2', digest: 'digest 2' }
const usage = { account: 'acme', from: '2026-01-01', to: '2100-01-01', by: 'day' } as const

function request(id: string, amount: number = 10): Parameters<SqliteStore['ledger']['reserve']>[0] {
  return { id, account: 'acme', key: 'key_1', amount, ttlMs: 3_600_000 }
}

/** Everything that writes, on a store in which `open` is reserved. */
const writes: Record<string, (store: SqliteStore) => unknown> = {
  reserve: ({ ledger }) => ledger.reserve(request('new')),
  settle: ({ ledger }) => ledger.settle('open', 7),
  release: ({ ledger }) => ledger.release('open'),
  extend: ({ ledger }) => ledger.extend('open', 1_000),
  credit: ({ ledger }) => ledger.credit('acme', 5, 'new'),
  createAccount: ({ ledger }) => ledger.createAccount('new'),
  compact: ({ ledger }) => ledger.compact('2026-01-01'),
  'keys.insert': ({ keys }) => keys.insert(newKey),
  'keys.replace': ({ keys }) => keys.replace({ ...key, name: 'changed', revision: 2 }),
}

/** Everything that reads. */
const reads: Record<string, (store: SqliteStore) => unknown> = {
  balance: ({ ledger }) => ledger.balance('acme'),
  accounts: ({ ledger }) => ledger.accounts({ limit: 10 }),
  usage: ({ ledger }) => ledger.usage(usage),
  movements: ({ ledger }) => ledger.movements('open'),
  'keys.get': ({ keys }) => keys.get('key_1'),
  'keys.findByDigest': ({ keys }) => keys.findByDigest('digest 1'),
  'keys.list': ({ keys }) => keys.list({ limit: 10 }),
  'requestLog.find': ({ requestLog }) => requestLog.find('open'),
}

/** What a step is refused with. */
async function failureOf(step: () => unknown): Promise<{ condition: string; cause: unknown }> {
  try {
    await step()
  } catch (error) {
    if (error instanceof GatewayError) return { condition: error.condition, cause: error.cause }
    throw error
  }
  throw new Error('it was done')
}

/** All that is to be seen of the money and the keys. */
async function allOf(store: SqliteStore): Promise<unknown[]> {
  const seen: unknown[] = []
  for (const read of Object.values(reads)) seen.push(await read(store))
  return seen
}

/** Puts in what `writes` and `reads` are about. */
async function fill(store: SqliteStore): Promise<SqliteStore> {
  await store.keys.insert(key)
  await store.ledger.credit('acme', 1_000, 'c1')
  await store.ledger.reserve(request('paid'))
  await store.ledger.settle('paid', 4)
  await store.ledger.reserve(request('open'))
  return store
}

/** Lets a database have so many pages, or as many as it has already. */
function room(database: Database.Database, pages: number): void {
  database.exec(`PRAGMA max_page_count = ${pages}`)
}

/** A store whose database takes no more than it has. */
async function fullStore(): Promise<{ store: SqliteStore; database: Database.Database }> {
  const database = new Database(join(folder, `${files++}.db`))
  database.exec('PRAGMA journal_mode = WAL')
  const store = await fill(sqliteStore({ database }))
  room(database, 1)
  // There is room left on the pages it has.
  const fillUp = async (): Promise<void> => {
    for (let count = 0; count < 1_000; count++) {
      await store.ledger.credit('fills', 1, `${count} ${'x'.repeat(100)}`)
    }
  }
  await expect(fillUp()).rejects.toMatchObject({ condition: 'store_write_failed' })
  return { store, database }
}

const names = Object.keys(writes)

type Open = (path: string, busyTimeout: string) => SqliteStore

/** A store has its file in a thread of its own, or stands on a database of this thread. */
const forms: Record<string, Open> = {
  'in a file': (path, busyTimeout) => sqliteStore({ path, busyTimeout }),
  'in an open database': (path, busyTimeout) => {
    const database = new Database(path)
    const store = sqliteStore({ database, busyTimeout })
    const close = async (): Promise<void> => {
      await store.close()
      database.close()
    }
    const { keys, ledger, requestLog } = store
    return { keys, ledger, requestLog, close }
  },
}

describe.each(Object.entries(forms))('%s, while another process is writing', (form, open) => {
  const isAtOnce = form === 'in an open database'
  let path = ''
  let store: SqliteStore
  let other: Database.Database

  beforeEach(async () => {
    path = join(folder, `${files++}.db`)
    other = new Database(path)
    other.exec('PRAGMA journal_mode = WAL')
  })

  afterEach(async () => {
    other.exec('ROLLBACK')
    await store.close()
    other.close()
  })

  async function openLocked(busyTimeout: string): Promise<void> {
    store = await fill(open(path, busyTimeout))
    other.exec('BEGIN IMMEDIATE')
  }

  it.each(names)('%s waits, and others are served meanwhile', async (name) => {
    await openLocked('60s')
    const written = writes[name]?.(store)
    expect(written).toBeInstanceOf(Promise)
    let ticks = 0
    let isDone = false
    const done = Promise.resolve(written).finally(() => (isDone = true))
    // Each is a turn of the event loop: some of them come behind tries that were refused.
    while (ticks < 5) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      ticks++
    }
    expect(isDone).toBe(false)
    other.exec('ROLLBACK; BEGIN')
    await done
    expect(isDone).toBe(true)
  })

  it.each(names)('%s fails after the time it may wait, and changes nothing', async (name) => {
    await openLocked('50ms')
    const before = await allOf(store)
    let ticks = 0
    const ticking = setInterval(() => ticks++, 1)
    const written = writes[name]?.(store)
    expect(written).toBeInstanceOf(Promise)
    const failure = await failureOf(() => written)
    clearInterval(ticking)
    expect(ticks).toBeGreaterThan(0)
    expect(failure.condition).toBe('store_write_failed')
    expect(failure.cause).toBeInstanceOf(Database.SqliteError)
    expect(failure.cause).toMatchObject({ code: 'SQLITE_BUSY', message: 'database is locked' })
    other.exec('ROLLBACK')
    expect(await allOf(store)).toEqual(before)
    await writes[name]?.(store)
    other.exec('BEGIN')
  })

  it('everything can be read while others wait to write', async () => {
    await openLocked('60s')
    let isWritten = false
    const written = Promise.resolve(store.ledger.credit('acme', 5, 'new'))
    void written.then(() => (isWritten = true))
    for (const read of Object.values(reads)) {
      const answer = read(store)
      expect(answer instanceof Promise).toBe(!isAtOnce)
      await answer
    }
    expect(isWritten).toBe(false)
    other.exec('ROLLBACK; BEGIN')
    await written
  })

  it('the request log tells what waits to be written, and writes it when it can', async () => {
    await openLocked('60s')
    store.requestLog.record(record)
    const flushed = store.requestLog.flush()
    expect(await store.requestLog.find('request 1')).toEqual(record)
    other.exec('ROLLBACK')
    await flushed
    const rows = other.prepare('SELECT request_id FROM lazu_requests').raw().all()
    expect(rows).toEqual([['request 1']])
    other.exec('BEGIN')
  })

  it('closing lets what waits be done first', async () => {
    await openLocked('60s')
    const credited = store.ledger.credit('acme', 5, 'new')
    let isClosed = false
    const closed = store.close().then(() => (isClosed = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isClosed).toBe(false)
    other.exec('ROLLBACK')
    expect(await credited).toMatchObject({ granted: 1_005 })
    await closed
    const rows = other.prepare('SELECT granted FROM lazu_accounts').raw().all()
    expect(rows).toEqual([[1_005]])
    other.exec('BEGIN')
  })

  it('many wait at once, and each is done once', async () => {
    await openLocked('60s')
    const waiting = Array.from({ length: 50 }, async (_, index) => {
      await store.ledger.reserve(request(`many ${index}`))
      await store.ledger.settle(`many ${index}`, 3)
    })
    await new Promise((resolve) => setImmediate(resolve))
    other.exec('ROLLBACK; BEGIN')
    await Promise.all(waiting)
    expect(await store.ledger.balance('acme')).toMatchObject({ settled: 154, held: 10 })
  })
})

describe('on a full disk', () => {
  it('nothing is moved that was not written, and all goes on when there is room again', async () => {
    const { store, database } = await fullStore()
    const before = await allOf(store)
    const long = 'y'.repeat(5_000)
    const refused = [
      () => store.ledger.reserve(request(long)),
      () => store.ledger.reserve({ ...request('new'), key: long }),
      () => store.ledger.credit('acme', 100, long),
      () => store.ledger.createAccount(long),
      () => store.keys.insert({ ...newKey, name: long }),
      () => store.keys.replace({ ...key, name: long, revision: 2 }),
    ]
    for (const step of refused) {
      const { condition, cause } = await failureOf(step)
      expect(condition).toBe('store_write_failed')
      expect(cause).toMatchObject({ code: 'SQLITE_FULL', message: 'database or disk is full' })
    }
    expect(await allOf(store)).toEqual(before)
    const sums = database
      .prepare(
        "SELECT sum(amount) FILTER (WHERE kind = 'grant'), " +
          "sum(amount) FILTER (WHERE kind = 'settled'), " +
          "coalesce(sum(amount) FILTER (WHERE kind = 'reserve'), 0) FROM lazu_movements " +
          "WHERE account = 'acme'",
      )
      .raw()
      .all()
    expect(sums).toEqual([[1_000, 4, 20]])

    room(database, 10_000)
    for (const step of refused) await step()
    expect(await store.ledger.settle('open', 6)).toMatchObject({ ended: 'settled', amount: 6 })
    expect(await store.ledger.balance('acme')).toEqual<Balance>({
      granted: 1_100,
      settled: 10,
      held: 20,
      available: 1_070,
    })
    database.close()
  })

  it('what a process was told is done, and nothing else', async () => {
    const path = join(folder, 'no-room.db')
    const limited = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`
    const command = [process.execPath, childPath('fill-disk.mjs'), path]
    const { stdout } = await promisify(execFile)('sh', ['-c', limited, ...command])
    interface Told {
      failure: string
      settled: number
      open: string[]
      balance: Balance
    }
    const told: Told = JSON.parse(stdout)
    expect(told.failure).toMatch(/^store_write_failed: (disk I\/O error|database or disk is full)$/)
    expect(told.settled).toBeGreaterThan(20)

    const store = sqliteStore({ path })
    const settled = told.settled * 7
    const held = told.open.length * 10
    const expected = { granted: 1_000_000_000, settled, held }
    expect(told.balance).toMatchObject(expected)
    expect(await store.ledger.balance('acme')).toEqual(told.balance)
    for (const id of told.open) await store.ledger.settle(id, 7)
    expect(await store.ledger.balance('acme')).toMatchObject({
      settled: settled + told.open.length * 7,
      held: 0,
    })
    await store.close()
  })
})

describe.each(Object.entries(forms))('%s, a store that was closed', (_, open) => {
  it.each([...names, ...Object.keys(reads)])('refuses %s', async (name) => {
    const store = await fill(open(join(folder, `${files++}.db`), '1s'))
    await store.close()
    const isWrite = name in writes
    const step = isWrite ? writes[name] : reads[name]
    const { condition, cause } = await failureOf(() => step?.(store))
    expect(condition).toBe(isWrite ? 'store_write_failed' : 'store_read_failed')
    expect(cause).toMatchObject({ message: 'it was closed' })
  })

  it('takes no more records, and has written those it had', async () => {
    const path = join(folder, `${files++}.db`)
    const store = open(path, '1s')
    store.requestLog.record(record)
    await store.close()
    store.requestLog.record({ ...record, requestId: 'late' })
    await store.requestLog.flush()
    const database = new Database(path)
    const rows = database.prepare('SELECT request_id FROM lazu_requests').raw().all()
    expect(rows).toEqual([['request 1']])
    database.close()
  })

  it('may be closed again', async () => {
    const store = open(join(folder, `${files++}.db`), '1s')
    await Promise.all([store.close(), store.close()])
    await expect(store.close()).resolves.toBeUndefined()
  })
})
