import { createKeys, type Keys } from '@lazu/core'
import type { PostgresStore } from '@lazu/postgres'
import { describeWithPostgres } from '@lazu/testkit'
import type { Pool } from 'pg'
import { expect, it, vi } from 'vitest'
import { outcomeOf } from './outcomes.js'
import { useStores } from './stores.js'

describeWithPostgres('A change of a key in another process', (server) => {
  const stores = useStores(server)

  /** Two processes, as far as the database can tell. */
  async function twoProcesses(): Promise<{
    here: Keys
    there: Keys
    store: PostgresStore
    pool: Pool
  }> {
    const schema = stores.newSchema()
    const store = await stores.open({ schema })
    const other = await stores.open({ schema })
    // The deadline is not what is tested here, and a busy machine may not make it.
    const here = createKeys({ store: store.keys, storeDeadline: '10s' })
    const there = createKeys({ store: other.keys, storeDeadline: '10s' })
    const pool = stores.pool()
    await expectListeners(pool, 2)
    return { here, there, store, pool }
  }

  const listeners = "FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'"

  async function expectListeners(pool: Pool, count: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const { rows } = await pool.query(`SELECT count(*)::int AS count ${listeners}`)
        expect(rows).toEqual([{ count }])
      },
      { timeout: 5_000, interval: 20 },
    )
  }

  it('is heard within a second, without asking the database again before', async () => {
    const { here, there } = await twoProcesses()
    const { key, record } = await here.create({ account: 'acme', name: 'one' })
    expect(await outcomeOf(() => there.authenticate(key))).toBe('done')
    await here.revoke(record.id)
    await vi.waitFor(
      async () => expect(await outcomeOf(() => there.authenticate(key))).toBe('api_key_revoked'),
      { timeout: 1_000, interval: 10 },
    )
  })

  it('is heard when it is a new one, which the other process had refused', async () => {
    const { here, there } = await twoProcesses()
    const secret = 'made-by-somebody-else-1'
    expect(await outcomeOf(() => there.authenticate(secret))).toBe('api_key_invalid')
    await here.import(secret, { account: 'acme', name: 'one' })
    await vi.waitFor(
      async () => expect(await outcomeOf(() => there.authenticate(secret))).toBe('done'),
      { timeout: 1_000, interval: 10 },
    )
  })

  it('is heard after the connection was cut, also one made meanwhile', async () => {
    const { here, there, pool } = await twoProcesses()
    const { key, record } = await here.create({ account: 'acme', name: 'one' })
    const second = await here.create({ account: 'acme', name: 'two' })
    for (const secret of [key, second.key]) {
      expect(await outcomeOf(() => there.authenticate(secret))).toBe('done')
    }
    await pool.query(`SELECT pg_terminate_backend(pid) ${listeners}`)
    await here.revoke(record.id)
    await vi.waitFor(
      async () => expect(await outcomeOf(() => there.authenticate(key))).toBe('api_key_revoked'),
      { timeout: 5_000, interval: 10 },
    )
    await expectListeners(pool, 2)
    await here.disable(second.record.id)
    await vi.waitFor(
      async () =>
        expect(await outcomeOf(() => there.authenticate(second.key))).toBe('api_key_disabled'),
      { timeout: 1_000, interval: 10 },
    )
  })

  it('is told with its id, and that anything may have changed each time listening begins', async () => {
    const { here, store, pool } = await twoProcesses()
    const heard: (string | undefined)[] = []
    const stop = store.keys.watch((id) => heard.push(id))
    const { record } = await here.create({ account: 'acme', name: 'one' })
    await vi.waitFor(() => expect(heard).toContain(record.id), 5_000)
    heard.length = 0
    await here.update(record.id, { name: 'other' })
    await vi.waitFor(() => expect(heard).toContain(record.id), 5_000)
    heard.length = 0
    await pool.query(`SELECT pg_terminate_backend(pid) ${listeners}`)
    await vi.waitFor(() => expect(heard).toContain(undefined), 5_000)
    stop()
    heard.length = 0
    await expectListeners(pool, 2)
    await here.update(record.id, { name: 'third' })
    await here.revoke(record.id)
    expect(heard).toEqual([])
  })

  it('is listened to only as long as somebody watches, and until the store is closed', async () => {
    const store = await stores.open()
    const pool = stores.pool()
    await expectListeners(pool, 0)
    const stops = [store.keys.watch(() => {}), store.keys.watch(() => {})]
    await expectListeners(pool, 1)
    stops[0]?.()
    await expectListeners(pool, 1)
    stops[1]?.()
    await expectListeners(pool, 0)
    store.keys.watch(() => {})
    await expectListeners(pool, 1)
    await store.close()
    await expectListeners(pool, 0)
  })

  it('is told though its id is too long to be told', async () => {
    const store = await stores.open()
    const heard: (string | undefined)[] = []
    const pool = stores.pool()
    store.keys.watch((id) => heard.push(id))
    await vi.waitFor(() => expect(heard).toEqual([undefined]), 5_000)
    const key = {
      // More bytes than characters.
      id: 'é'.repeat(2_100),
      account: 'acme',
      name: 'long',
      shown: 'sk-…',
      status: 'active' as const,
      createdAtMs: 1,
      revision: 1,
      digest: 'd1',
    }
    await store.keys.insert(key)
    await store.keys.replace({ ...key, revision: 2 })
    await vi.waitFor(() => expect(heard).toEqual([undefined, undefined, undefined]), 5_000)
    await expectListeners(pool, 1)
  })
})
