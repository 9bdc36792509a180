import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'libsql'
import { GatewayError, type ApiKey, type ReserveRequest } from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { makeRecord } from '@lazu/testkit'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { childPath } from './children.js'
import { temporaryFolder } from './temporary-folder.js'
import { crashThreads, killThreads, threadCount } from './threads.js'

const folder = temporaryFolder()
let files = 0
let path = ''
let store: SqliteStore

beforeEach(() => {
  path = join(folder, `${files++}.db`)
  store = sqliteStore({ path, busyTimeout: '60s' })
})

afterEach(() => store.close())

function request(id: string): ReserveRequest {
  return { id, account: 'acme', key: 'k1', amount: 10, ttlMs: 3_600_000 }
}

/** Another connection to the file, as another process has. */
function openOther(): Database.Database {
  const other = new Database(path)
  onTestFinished(() => void other.close())
  return other
}

/** Puts something else in the place of the file. */
async function ruin(): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  writeFileSync(path, 'Dear Sir or Madam, '.repeat(300))
}

describe('a thread that dies', () => {
  it('fails what it had not answered, and is followed by another one', async () => {
    const other = openOther()
    await store.ledger.credit('acme', 100, 'c1')
    other.exec('BEGIN IMMEDIATE')
    const steps = [store.ledger.reserve(request('r1')), store.ledger.credit('acme', 5, 'c2')]
    const failing = Promise.allSettled(steps.map(async (step) => step))
    expect(await store.ledger.balance('acme')).toMatchObject({ held: 0 })
    await killThreads()
    for (const step of await failing) {
      expect(step).toMatchObject({
        status: 'rejected',
        reason: { condition: 'store_write_failed', cause: { message: 'its thread ended with 1' } },
      })
    }
    other.exec('ROLLBACK')
    expect(await store.ledger.balance('acme')).toMatchObject({ granted: 100, held: 0 })
    expect(await store.ledger.credit('acme', 5, 'c2')).toMatchObject({ granted: 105 })
  })

  it('fails readers as readers', async () => {
    await store.ledger.credit('acme', 100, 'c1')
    // Sent when this turn is over; by then the thread ends.
    const killed = killThreads()
    const read = Promise.resolve(store.keys.list({ limit: 1 }))
    const failure: unknown = await read.catch((error: unknown) => error)
    expect(failure).toMatchObject({ condition: 'store_read_failed' })
    await killed
    expect(await store.keys.list({ limit: 1 })).toEqual([])
  })

  it('again and again, in the middle of everything, loses and doubles nothing', async () => {
    await store.ledger.credit('acme', 100_000, 'c1')
    const settled = new Set<string>()
    const asked: string[] = []
    const stopped = new AbortController()
    const conditions = new Set<unknown>()
    const serve = async (name: string): Promise<void> => {
      for (let step = 0; !stopped.signal.aborted; step++) {
        const id = `${name}/${step}`
        try {
          await store.ledger.reserve(request(id))
          asked.push(id)
          await store.ledger.settle(id, 7)
          settled.add(id)
        } catch (error) {
          conditions.add(error instanceof GatewayError ? error.condition : error)
        }
      }
    }
    const serving = Promise.all(Array.from({ length: 10 }, (_, index) => serve(`s${index}`)))
    for (let kill = 0; kill < 5; kill++) {
      const before = settled.size
      await vi.waitFor(() => expect(settled.size).toBeGreaterThan(before + 20), 10_000)
      await killThreads()
    }
    stopped.abort()
    await serving
    expect([...conditions]).toEqual(['store_write_failed'])

    const rows = openOther()
      .prepare("SELECT id FROM lazu_movements WHERE kind = 'settled'")
      .raw()
      .all()
    const written = new Set(rows.flat())
    expect([...settled].filter((id) => !written.has(id))).toEqual([])
    for (const id of asked) {
      expect(await store.ledger.settle(id, 7)).toEqual({ id, ended: 'settled', amount: 7 })
    }
    const { settled: charged } = await store.ledger.balance('acme')
    expect(charged).toBe(asked.length * 7)
  })

  it('lets the store be closed', async () => {
    await vi.waitFor(() => expect(threadCount()).toBe(1))
    const credited = store.ledger.credit('acme', 5, 'c1')
    const outcome = Promise.allSettled([credited])
    const closed = store.close()
    await killThreads()
    await closed
    await outcome
    expect(threadCount()).toBe(0)
  })

  it('lets the store be closed also when it fails of itself', async () => {
    await store.ledger.credit('acme', 5, 'c1')
    await crashThreads()
    await store.close()
    expect(threadCount()).toBe(0)
  })

  it('keeps no call from being done that is made before the store is closed', async () => {
    await store.ledger.credit('acme', 5, 'c1')
    await killThreads()
    const answers: unknown[] = []
    const credited = Promise.resolve(store.ledger.credit('acme', 5, 'c2'))
    const noted = credited.then(({ granted }) => answers.push(granted))
    await store.close()
    expect(answers).toEqual([10])
    await noted
    expect(threadCount()).toBe(0)
  })

  it('needs no closing when nothing was asked since', async () => {
    await killThreads()
    await store.close()
    expect(threadCount()).toBe(0)
  })
})

describe('a file that is no longer what it was', () => {
  it('fails every call with what is wrong with it, until it is mended', async () => {
    await store.ledger.credit('acme', 100, 'c1')
    await killThreads()
    await ruin()
    const calls = [store.ledger.balance('acme'), store.ledger.createAccount('new')]
    const cause = { name: 'SqliteError', code: 'SQLITE_NOTADB' }
    expect(await Promise.allSettled(calls.map(async (call) => call))).toMatchObject([
      { reason: { condition: 'store_read_failed', cause } },
      { reason: { condition: 'store_write_failed', cause } },
    ])

    await rm(path)
    await sqliteStore({ path }).close()
    expect(await store.ledger.createAccount('new')).toBe(true)
  })

  it('does not keep the store from being closed', async () => {
    await killThreads()
    await ruin()
    await expect(store.ledger.balance('acme')).rejects.toMatchObject({
      condition: 'store_read_failed',
    })
    await store.close()
    expect(threadCount()).toBe(0)
  })
})

describe('a call', () => {
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

  it('takes its arguments as they are when it is made', async () => {
    const changing = { ...key, metadata: { team: 'a' } }
    const inserted = store.keys.insert(changing)
    changing.name = 'changed'
    changing.metadata.team = 'b'
    await inserted
    expect(await store.keys.get('key_1')).toEqual({ ...key, metadata: { team: 'a' } })
  })

  it('is done in its turn', async () => {
    const answers: string[] = []
    const steps = [
      store.ledger.credit('acme', 10, 'c1'),
      store.ledger.reserve(request('r1')),
      store.ledger.settle('r1', 10),
      store.ledger.reserve({ ...request('r2'), amount: 0 }),
      store.ledger.release('r2'),
      store.requestLog.find('r1'),
    ].map(async (step, index) => {
      await step
      answers.push(String(index))
    })
    await Promise.all(steps)
    expect(answers.join('')).toBe('012345')
  })

  it('is answered while movements are compacted', async () => {
    const day = 86_400_000
    openOther().exec(`
      INSERT INTO lazu_accounts (number, name, granted) VALUES (1, 'acme', 100000);
      INSERT INTO lazu_spending (number, key_id) VALUES (1, 'k1');
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO lazu_reservations SELECT printf('%08d', i), 1, 1, 10, NULL, ${day}, 1, 2,
        'released', ${day}, NULL, NULL, NULL FROM n`)
    const done = new AbortController()
    const compacting = store.ledger.compact('2026-01-01').finally(() => done.abort())
    let served = 0
    while (!done.signal.aborted) {
      await store.ledger.balance('acme')
      served++
    }
    expect(await compacting).toBe(20_000)
    expect(served).toBeGreaterThan(10)
  })
})

describe('closing', () => {
  it('ends the thread', async () => {
    await vi.waitFor(() => expect(threadCount()).toBe(1))
    await store.close()
    expect(threadCount()).toBe(0)
  })

  it('ends a compaction before its end, and answers it', async () => {
    openOther().exec(`
      INSERT INTO lazu_accounts (number, name) VALUES (1, 'acme');
      INSERT INTO lazu_spending (number, key_id) VALUES (1, 'k1');
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO lazu_reservations SELECT printf('%08d', i), 1, 1, 10, NULL, 1, 1, 2,
        'released', 1, NULL, NULL, NULL FROM n`)
    const compacting = Promise.resolve(store.ledger.compact('2026-01-01'))
    const refused = compacting.catch((error: unknown) => error)
    await store.close()
    expect(await refused).toMatchObject({
      condition: 'store_write_failed',
      cause: { message: 'it was closed' },
    })
  })
})

describe('the request log', () => {
  it('warns the process when it is not written', async () => {
    await store.requestLog.flush()
    openOther().exec('DROP TABLE lazu_requests')
    const warnings: string[] = []
    const listen = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', listen)
    onTestFinished(() => void process.off('warning', listen))
    store.requestLog.record(makeRecord('request 1'))
    await store.requestLog.flush()
    await vi.waitFor(() => {
      expect(warnings).toEqual([
        'The request log is not written: SqliteError: no such table: lazu_requests',
      ])
    })
  })
})

describe('a process that closes nothing', () => {
  it.each([
    ['nothing', 'ended with 0\n'],
    ['a call', 'granted 5\nended with 0\n'],
    ['a record', 'ended with 0\n'],
  ])('ends by itself when it did %s', async (what, told) => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [childPath('use-store.mjs'), path, what],
      { timeout: 15_000 },
    )
    expect(stdout).toBe(told)
    expect(stderr).toBe('')
  })

  it('ends with its own code in the middle of everything', { timeout: 60_000 }, async () => {
    for (let afterMs = 20; afterMs < 40; afterMs += 2) {
      const ended = promisify(execFile)(process.execPath, [
        childPath('exit-at-work.mjs'),
        path,
        String(afterMs),
      ])
      await expect(ended).rejects.toMatchObject({ code: 3, signal: null, stderr: '' })
    }
  })

  it('may be one whose program is on the command line', async () => {
    const program = `
      import { sqliteStore } from '@lazu/sqlite'
      console.log(await sqliteStore({ path: ${JSON.stringify(path)} }).ledger.createAccount('new'))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { cwd: join(childPath(''), '..', '..'), timeout: 15_000 },
    )
    expect(stdout).toBe('true\n')
  })
})
