import { join } from 'node:path'
import Database from 'libsql'
import { createKeys, usd, type Keys, type Duration, type LoggedError } from '@lazu/core'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { expressHarness } from '../../express/test/harness.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

interface Line {
  readonly message: string
  readonly err: LoggedError | undefined
}

/** A server whose keys and money are in a file that somebody else has open, too. */
interface World {
  readonly store: SqliteStore
  readonly keys: Keys
  readonly clock: FakeClock
  readonly other: Database.Database
  readonly log: readonly Line[]
  /** How often the handler ran. */
  readonly handled: () => number
  readonly ask: (key: string) => Promise<Response>
}

async function world(busyTimeout: Duration, storeDeadline?: Duration): Promise<World> {
  const path = join(folder, `${files++}.db`)
  const clock = new FakeClock()
  const store = sqliteStore({ path, busyTimeout, clock })
  const keys = createKeys({ store: store.keys, clock })
  await store.ledger.credit('acme', usd(10), 'c1')
  const log: Line[] = []
  let handled = 0
  const server = await expressHarness.start({
    gateway: {
      clock,
      keys,
      ledger: store.ledger,
      storeDeadline,
      prices: { 'gpt-5': { input: usd(1), output: usd(1) } },
      logger: {
        error: ({ err }: { err?: LoggedError }, message) => void log.push({ message, err }),
        warn() {},
      },
    },
    routes: {
      'POST /v1/chat/completions': ({ lazu }) => {
        handled++
        lazu.charge({ micros: 5 })
        return { ok: true }
      },
    },
  })
  const other = new Database(path)
  onTestFinished(async () => {
    await server.close()
    await store.close()
    other.close()
  })
  return {
    store,
    keys,
    clock,
    other,
    log,
    handled: () => handled,
    ask: (key) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-5', max_tokens: 10, messages: [] }),
      }),
  }
}

async function expectOverloaded(response: Response): Promise<void> {
  expect(response.status).toBe(503)
  const text = await response.text()
  expect(JSON.parse(text)).toMatchObject({
    error: { type: 'server_error', code: 'gateway_overloaded', param: null },
  })
  expect(text).not.toMatch(/sqlite|locked|table|database/i)
}

/** Waits until so much is charged and nothing is held: a charge may come behind its response. */
function settles(store: SqliteStore, amount: number): Promise<void> {
  return vi.waitFor(async () => {
    expect(await store.ledger.balance('acme')).toMatchObject({ settled: amount, held: 0 })
  })
}

describe('a server whose store', () => {
  it('cannot be written is overloaded, calls no handler and charges nothing', async () => {
    const { store, keys, other, log, handled, ask } = await world('30ms')
    const { key } = await keys.create({ account: 'acme', name: 'test' })
    expect((await ask(key)).status).toBe(200)
    await settles(store, 5)

    other.exec('BEGIN IMMEDIATE')
    await expectOverloaded(await ask(key))
    expect(handled()).toBe(1)
    expect(log).toMatchObject([
      {
        message: 'gateway_overloaded on POST /v1/chat/completions',
        err: { condition: 'store_write_failed', cause: { message: 'database is locked' } },
      },
    ])
    expect(log[0]?.err?.cause?.stack).toContain('SqliteError')
    expect(JSON.stringify(log)).not.toContain(key.slice('sk-lazu-'.length))

    other.exec('ROLLBACK')
    expect(await store.ledger.balance('acme')).toMatchObject({ settled: 5, held: 0 })
    expect((await ask(key)).status).toBe(200)
    await settles(store, 10)
  })

  it('waits for another process serves when that is done', async () => {
    const { store, keys, other, handled, ask } = await world('60s')
    const { key } = await keys.create({ account: 'acme', name: 'test' })
    other.exec('BEGIN IMMEDIATE')
    const reserve = vi.spyOn(store.ledger, 'reserve')
    const asked = ask(key)
    await vi.waitFor(() => expect(reserve).toHaveReturned())
    expect(handled()).toBe(0)
    other.exec('ROLLBACK')
    expect((await asked).status).toBe(200)
    expect(handled()).toBe(1)
  })

  it('is too slow is left alone after a few requests, and none of them hangs', async () => {
    const { store, keys, clock, other, handled, ask } = await world('60s', '100ms')
    const { key } = await keys.create({ account: 'acme', name: 'test' })
    expect((await ask(key)).status).toBe(200)
    await settles(store, 5)

    other.exec('BEGIN IMMEDIATE')
    const reserve = vi.spyOn(store.ledger, 'reserve')
    let isLeftAlone = false
    for (let request = 0; request < 6 && !isLeftAlone; request++) {
      const before = reserve.mock.calls.length
      let isAnswered = false
      const asked = ask(key).finally(() => (isAnswered = true))
      await vi.waitFor(() => {
        expect(isAnswered || reserve.mock.calls.length > before).toBe(true)
      })
      clock.advance(100)
      await expectOverloaded(await asked)
      isLeftAlone = reserve.mock.calls.length === before
    }
    expect(isLeftAlone).toBe(true)
    expect(handled()).toBe(1)

    other.exec('ROLLBACK')
    await vi.waitFor(async () => {
      clock.advance(1_000)
      expect((await ask(key)).status).toBe(200)
    })
    // What was reserved too late is given back.
    await vi.waitFor(async () => {
      clock.advance(1_000)
      expect(await store.ledger.balance('acme')).toMatchObject({ settled: 10, held: 0 })
    })
  })

  it.each([
    ['is damaged', ({ other }: World) => void other.exec('DROP TABLE lazu_key_digests')],
    ['was closed', ({ store }: World) => store.close()],
  ])('%s knows the keys it has seen, and tells nobody that others are wrong', async (_, fail) => {
    const running = await world('30ms')
    const { keys, clock, ask, handled, log } = running
    const { key } = await keys.create({ account: 'acme', name: 'seen' })
    const unseen = await keys.create({ account: 'acme', name: 'not seen yet' })
    expect(await keys.authenticate(key)).toMatchObject({ name: 'seen' })

    await fail(running)
    await expectOverloaded(await ask(unseen.key))
    expect(log[0]?.message).toBe('gateway_overloaded on POST /v1/chat/completions')
    expect(log[0]?.err).toMatchObject({ type: 'GatewayError', cause: { type: expect.any(String) } })
    expect(handled()).toBe(0)

    // Known for 30 seconds, and for 30 more while the store fails.
    clock.advance(59_999)
    expect(await keys.authenticate(key)).toMatchObject({ name: 'seen' })
    clock.advance(1)
    await expectOverloaded(await ask(key))
    const secrets = [key, unseen.key].map((secret) => secret.slice('sk-lazu-'.length))
    for (const secret of secrets) expect(JSON.stringify(log)).not.toContain(secret)
  })
})
