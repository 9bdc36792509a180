import { join } from 'node:path'
import Database from 'libsql'
import {
  dialects,
  formatError,
  GatewayError,
  KeyConflictError,
  KeyNotFoundError,
  type ApiKey,
  type ReserveRequest,
} from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
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

function request(changes: Partial<ReserveRequest>): ReserveRequest {
  return { id: 'new', account: 'acme', key: 'k1', amount: 10, ttlMs: 60_000, ...changes }
}

/** Every step that is refused for what it is, and not for the state of the file. */
const refused: Record<string, (store: SqliteStore) => unknown> = {
  'more than the balance': ({ ledger }) => ledger.reserve(request({ amount: 1_234_567 })),
  'more than the day': ({ ledger }) => ledger.reserve(request({ caps: { day: 12 } })),
  'more than the month': ({ ledger }) => ledger.reserve(request({ caps: { month: 12 } })),
  'more than the total': ({ ledger }) => ledger.reserve(request({ caps: { total: 12 } })),
  'an id that was settled': ({ ledger }) => ledger.reserve(request({ id: 'paid' })),
  'an id of somebody else': ({ ledger }) => ledger.reserve(request({ id: 'open', key: 'k2' })),
  'an amount that is none': ({ ledger }) => ledger.reserve(request({ amount: 0.5 })),
  'a name that is none': ({ ledger }) => ledger.createAccount('\ud800'),
  'half a character for an id': ({ ledger }) => ledger.settle('\ud800', 1),
  'half a character for a key': ({ keys }) => keys.get('\ud800'),
  'a list for an account': ({ ledger }) => ledger.balance(JSON.parse('["acme"]')),
  'an object for a request': ({ requestLog }) => requestLog.find(JSON.parse('{"a":1}')),
  'an object for a revision': ({ keys }) =>
    keys.insert({ ...key, id: 'key_2', digest: 'digest 2', revision: JSON.parse('{"a":1}') }),
  'a sum that is too large': ({ ledger }) => ledger.credit('acme', Number.MAX_SAFE_INTEGER, 'more'),
  'a charge that is too large': ({ ledger }) => ledger.settle('open', Number.MAX_SAFE_INTEGER),
  'a date that is none': ({ ledger }) => ledger.compact('yesterday'),
  'a question that is none': ({ ledger }) =>
    ledger.usage({ account: 'acme', from: '2026-01-02', to: '2026-01-01', by: 'day' }),
  'a key that is there': ({ keys }) => keys.insert(key),
  'a digest that is there': ({ keys }) => keys.insert({ ...key, id: 'key_2' }),
  'a revision that is not the next': ({ keys }) => keys.replace({ ...key, revision: 5 }),
  'a key that is not there': ({ keys }) => keys.replace({ ...key, id: 'k"9"', revision: 2 }),
}

/** Puts in what `refused` is about. */
async function fill(store: SqliteStore): Promise<SqliteStore> {
  await store.keys.insert(key)
  await store.ledger.credit('acme', 1_000_000, 'c1')
  await store.ledger.reserve(request({ id: 'paid' }))
  await store.ledger.settle('paid', 4)
  await store.ledger.reserve(request({ id: 'open' }))
  return store
}

/** What a step fails with, and whether it did so at once. */
async function failureOf(step: () => unknown): Promise<{ error: unknown; isAtOnce: boolean }> {
  let answer: unknown
  try {
    answer = step()
  } catch (error) {
    return { error, isAtOnce: true }
  }
  try {
    await answer
  } catch (error) {
    return { error, isAtOnce: false }
  }
  throw new Error('it was done')
}

/** All there is to an error, and what clients are answered in each dialect. */
function contentOf(error: unknown): unknown {
  if (!(error instanceof Error)) throw new Error('it is no error')
  const { name, message, cause } = error
  const own = Object.entries(error).filter(([member]) => member !== 'dialect')
  const content = { type: error.constructor, name, message, cause, own: Object.fromEntries(own) }
  if (!(error instanceof GatewayError)) return content
  const answers = Object.values(dialects).map((dialect) =>
    formatError(error, { dialect, requestId: 'req_1', hints: true, model: 'gpt-5' }),
  )
  return { ...content, status: error.status, hasOwnMessage: error.hasOwnMessage, answers }
}

describe('an error that crosses from the thread of a file', () => {
  it.each(Object.entries(refused))('is what it was: %s', async (_, step) => {
    const inFile = await fill(sqliteStore({ path: join(folder, `${files++}.db`) }))
    onTestFinished(() => inFile.close())
    const inMemory = await fill(sqliteStore({ path: ':memory:' }))
    onTestFinished(() => inMemory.close())

    const crossed = await failureOf(() => step(inFile))
    const here = await failureOf(() => step(inMemory))
    expect(contentOf(crossed.error)).toEqual(contentOf(here.error))
  })

  it('has its own class', async () => {
    const store = await fill(sqliteStore({ path: join(folder, `${files++}.db`) }))
    onTestFinished(() => store.close())
    const errorOf = async (what: string): Promise<unknown> =>
      (await failureOf(() => refused[what]?.(store))).error
    expect(await errorOf('a key that is there')).toBeInstanceOf(KeyConflictError)
    expect(await errorOf('a key that is not there')).toBeInstanceOf(KeyNotFoundError)
    expect(await errorOf('a sum that is too large')).toBeInstanceOf(RangeError)
    expect(await errorOf('an object for a revision')).toBeInstanceOf(TypeError)
    expect(await errorOf('more than the balance')).toBeInstanceOf(GatewayError)
  })

  it.each([
    'an amount that is none',
    'a name that is none',
    'a list for an account',
    'an object for a request',
    'a question that is none',
  ])('is thrown at once when it needs no file: %s', async (what) => {
    const store = sqliteStore({ path: join(folder, `${files++}.db`) })
    onTestFinished(() => store.close())
    expect(await failureOf(() => refused[what]?.(store))).toMatchObject({ isAtOnce: true })
  })

  it('of SQLite has its codes, and where it was thrown', async () => {
    const path = join(folder, `${files++}.db`)
    const store = sqliteStore({ path })
    onTestFinished(() => store.close())
    await store.ledger.balance('acme')
    const other = new Database(path)
    other.exec('ALTER TABLE lazu_accounts RENAME COLUMN granted TO something')
    other.close()
    const { error } = await failureOf(() => store.ledger.balance('acme'))
    const cause: unknown = error instanceof GatewayError ? error.cause : undefined
    expect(error).toMatchObject({ condition: 'store_read_failed' })
    expect(cause).toBeInstanceOf(Database.SqliteError)
    expect(cause).toMatchObject({ code: 'SQLITE_ERROR', rawCode: 1 })
    expect(cause).toMatchObject({ message: expect.stringContaining('no such column: granted') })
    expect(cause).toMatchObject({ stack: expect.stringContaining('accounts.js') })
  })
})
