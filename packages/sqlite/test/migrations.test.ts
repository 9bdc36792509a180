import { join } from 'node:path'
import Database from 'libsql'
import { createKeys, type Balance } from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { describe, expect, it } from 'vitest'
import { migrations } from '../dist/migrations.js'
import { openElsewhere } from './children.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

const startMs = Date.UTC(2026, 0, 15, 12)
const digests = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
const rotated = {
  id: 'key_1',
  account: 'acme',
  name: 'rotated',
  shown: 'sk-lazu-…abcd',
  status: 'active',
  createdAtMs: startMs,
  revision: 2,
  digest: digests[0],
  rotation: { digest: digests[1], untilMs: startMs + 60_000 },
}
const plain = { ...rotated, id: 'key_2', name: 'plain', digest: digests[2], rotation: undefined }

/** What files of a version hold, and what must be found of it afterwards. */
interface VersionContent {
  readonly sql: string
  readonly expectFound: (store: SqliteStore) => Promise<void>
}

/** Of each version: what came with it. */
const contents: readonly VersionContent[] = [
  { sql: '', expectFound: async () => {} },
  {
    sql: `
      INSERT INTO lazu_keys VALUES
        ('key_1', 'acme', 2, '${JSON.stringify(rotated)}'),
        ('key_2', 'acme', 2, '${JSON.stringify(plain)}');
      INSERT INTO lazu_key_digests VALUES
        ('${digests[0]}', 'key_1'), ('${digests[1]}', 'key_1'), ('${digests[2]}', 'key_2');
    `,
    async expectFound({ keys }) {
      expect(await keys.list({ limit: 10 })).toEqual([rotated, JSON.parse(JSON.stringify(plain))])
      expect(await keys.findByDigest('a'.repeat(64))).toMatchObject({ name: 'rotated' })
      expect(await keys.findByDigest('b'.repeat(64))).toMatchObject({ name: 'rotated' })
      expect(await createKeys({ store: keys }).disable('key_2')).toMatchObject({ revision: 3 })
    },
  },
  {
    sql: `
      INSERT INTO lazu_clock VALUES (${startMs - 1_000});
      INSERT INTO lazu_accounts VALUES (1, 'acme', 1000, 40, 60), (2, 'empty', 0, 0, 0);
      INSERT INTO lazu_credits VALUES (1, 'c1', 900, ${startMs}), (1, 'c2', 100, ${startMs});
      INSERT INTO lazu_spending VALUES (1, 'key_1', 40, 60, 20468, 40, 24312, 40);
      INSERT INTO lazu_reservations VALUES
        ('open', 1, 1, 60, 'gpt-5', ${startMs}, ${startMs}, ${startMs + 60_000},
          NULL, NULL, NULL, NULL, NULL),
        ('paid', 1, 1, 50, 'gpt-5', ${startMs}, ${startMs}, ${startMs + 60_000},
          'settled', ${startMs}, 40, 7, 9),
        ('given back', 1, 1, 50, NULL, ${startMs}, ${startMs}, ${startMs + 60_000},
          'released', ${startMs}, NULL, NULL, NULL),
        ('over', 1, 1, 50, NULL, ${startMs}, ${startMs - 2}, ${startMs - 1},
          'expired', ${startMs}, NULL, NULL, NULL);
      INSERT INTO lazu_usage VALUES (1, 20468, 1, 'gpt-5', 1, 40, 7, 9);
    `,
    async expectFound({ ledger }) {
      const acme: Balance = { granted: 1_000, settled: 40, held: 60, available: 900 }
      expect(await ledger.balance('acme')).toEqual(acme)
      expect(await ledger.createAccount('empty')).toBe(false)
      expect(await ledger.credit('acme', 5, 'c2')).toEqual(acme)
      expect(await ledger.settle('paid', 1)).toEqual({ id: 'paid', ended: 'settled', amount: 40 })
      expect(await ledger.settle('given back', 1)).toMatchObject({ ended: 'released' })
      expect(await ledger.settle('over', 1)).toMatchObject({ ended: 'expired' })
      const usage = { key: 'key_1', from: '2026-01-15', to: '2026-01-15', by: 'model' } as const
      expect(await ledger.usage(usage)).toEqual([
        { name: 'gpt-5', requests: 1, amount: 40, inputTokens: 7, outputTokens: 9 },
      ])
      expect(await ledger.movements('open')).toMatchObject([{ kind: 'reserve', amount: 60 }])
      await expect(async () =>
        ledger.reserve({
          id: 'over the cap',
          account: 'acme',
          key: 'key_1',
          amount: 1,
          caps: { day: 100 },
          ttlMs: 1_000,
        }),
      ).rejects.toMatchObject({ condition: 'key_quota_exceeded' })
      expect(await ledger.settle('open', 55)).toMatchObject({ ended: 'settled', amount: 55 })
      expect(await ledger.balance('acme')).toMatchObject({ settled: 95, held: 0 })
    },
  },
  {
    sql: `INSERT INTO lazu_requests VALUES (1, 'request 1', '{"requestId":"request 1"}')`,
    async expectFound({ requestLog }) {
      expect(await requestLog.find('request 1')).toEqual({ requestId: 'request 1' })
    },
  },
]

/** A file as the version left it, with everything in it that there was then. */
function fileOf(version: number): string {
  const path = join(folder, `${files++}.db`)
  const database = new Database(path)
  for (let step = 1; step <= version; step++) {
    database.exec(migrations[step - 1] ?? '')
    database.exec(contents[step]?.sql ?? '')
  }
  if (version > 0) {
    database.exec(
      'CREATE TABLE lazu_schema (version INTEGER NOT NULL) STRICT;' +
        `INSERT INTO lazu_schema VALUES (${version})`,
    )
  }
  database.close()
  return path
}

/** The names of what there is, and every row of every table. */
function dump(path: string): unknown[] {
  const database = new Database(path)
  const all = (sql: string): unknown[] => database.prepare(sql).raw().all()
  const schema = 'SELECT type, name, sql FROM sqlite_schema ORDER BY name'
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  const rows = tables.map((table) => {
    const { name }: { name?: string } = table ?? {}
    return [name, all(`SELECT * FROM "${name}"`)]
  })
  const pragmas = ['schema_version', 'user_version', 'application_id', 'integrity_check']
  const dumped = [all(schema), rows, pragmas.map((name) => all(`PRAGMA ${name}`))]
  database.close()
  return dumped
}

function versionOf(path: string): unknown {
  const database = new Database(path)
  const rows = database.prepare('SELECT version FROM lazu_schema').raw().all()
  database.close()
  return rows
}

it('each version has something in it to be found afterwards', () => {
  expect(contents).toHaveLength(migrations.length + 1)
})

describe.each(contents.map((_, version) => version))('a file of version %i', (version) => {
  it('has everything that was in it, and is of the newest version', async () => {
    const path = fileOf(version)
    const store = sqliteStore({ path, clock: new FakeClock(startMs) })
    for (const content of contents.slice(0, version + 1)) await content.expectFound(store)
    expect(versionOf(path)).toEqual([[migrations.length]])
    await store.close()
  })

  it('works like a new one', async () => {
    const store = sqliteStore({ path: fileOf(version), clock: new FakeClock(startMs) })
    const made = await createKeys({ store: store.keys }).create({ account: 'new', name: 'new' })
    const { id } = made.record
    await store.ledger.credit('new', 100, 'first')
    await store.ledger.reserve({ id: 'r1', account: 'new', key: id, amount: 60, ttlMs: 1_000 })
    await store.ledger.settle('r1', 50)
    expect(await store.ledger.balance('new')).toMatchObject({ available: 50 })
    await store.close()
  })

  it('is changed once', async () => {
    const path = fileOf(version)
    const clock = new FakeClock(startMs)
    await sqliteStore({ path, clock }).close()
    const before = dump(path)
    await sqliteStore({ path, clock }).close()
    expect(dump(path)).toEqual(before)
  })
})

describe('a new file', () => {
  it('may be opened by six processes at once', { timeout: 60_000 }, async () => {
    const path = join(folder, 'six.db')
    const opened = await Promise.all(Array.from({ length: 6 }, () => openElsewhere(path)))
    expect(opened).toEqual(Array.from({ length: 6 }, () => 'opened'))
    expect(versionOf(path)).toEqual([[migrations.length]])
    const store = sqliteStore({ path })
    expect(await store.ledger.balance('acme')).toMatchObject({ granted: 6 })
    await store.close()
  })
})

describe('a file of the first version', () => {
  it('may be opened by six processes at once', { timeout: 60_000 }, async () => {
    const path = fileOf(1)
    const opened = await Promise.all(Array.from({ length: 6 }, () => openElsewhere(path)))
    expect(opened).toEqual(Array.from({ length: 6 }, () => 'opened'))
    expect(versionOf(path)).toEqual([[migrations.length]])
  })
})

describe('a migration that fails', () => {
  it.each([
    [0, 'lazu_key_digests'],
    [1, 'lazu_movements'],
    [2, 'lazu_requests'],
  ])('from version %i leaves the file as it was', async (version, name) => {
    const path = fileOf(version)
    const database = new Database(path)
    database.exec(`CREATE TABLE ${name} (a, b); INSERT INTO ${name} VALUES (1, 2)`)
    database.close()
    const before = dump(path)
    expect(() => sqliteStore({ path })).toThrow(
      `LAZU_CONFIG_STORE: sqliteStore().path ${JSON.stringify(path)} cannot be used: ` +
        `table ${name} already exists. This is SQLite's error 1.`,
    )
    expect(dump(path)).toEqual(before)

    const mended = new Database(path)
    mended.exec(`DROP TABLE ${name}`)
    mended.close()
    const store = sqliteStore({ path, clock: new FakeClock(startMs) })
    for (const content of contents.slice(0, version + 1)) await content.expectFound(store)
    await store.close()
  })
})

describe('a database of somebody else', () => {
  it('keeps its own tables, and its own version', async () => {
    const path = join(folder, 'shared.db')
    const theirs = new Database(path)
    theirs.exec(
      'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE migrations (v);' +
        "INSERT INTO users VALUES (1, 'Ada'); INSERT INTO migrations VALUES (41);" +
        'PRAGMA user_version = 41; PRAGMA application_id = 4711',
    )
    const store = sqliteStore({ database: theirs })
    await store.ledger.credit('acme', 100, 'c1')
    await store.close()
    const read = (sql: string): unknown => theirs.prepare(sql).raw().all()
    expect(read('SELECT * FROM users')).toEqual([[1, 'Ada']])
    expect(read('SELECT * FROM migrations')).toEqual([[41]])
    expect(read('PRAGMA user_version')).toEqual([[41]])
    expect(read('PRAGMA application_id')).toEqual([[4711]])
    const ours = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'lazu_%' AND sql IS NOT NULL"
    expect(read(`${ours} ORDER BY name`)).toEqual([['migrations'], ['users']])
    theirs.close()
  })
})
