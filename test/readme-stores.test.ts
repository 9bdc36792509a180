import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeys } from '@lazu/core'
import { postgresStore } from '@lazu/postgres'
import { describeWithPostgres, describeWithRedis } from '@lazu/testkit'
import { Pool } from 'pg'
import { expect, it, vi } from 'vitest'
import { complete, folder, run, serve, useSnippets } from './snippets.js'

useSnippets()

/** Has a snippet use a server of the test's. */
function toServer(url: string): (code: string) => string {
  return (code) =>
    code
      .replace("'redis://localhost:6379'", JSON.stringify(url))
      .replace('createClient()', `createClient({ url: ${JSON.stringify(url)} })`)
}

describeWithPostgres('the README of @lazu/postgres', (server) => {
  it('serves, and works as it says', async () => {
    const env = { DATABASE_URL: server().url }
    const { url, process: child } = await serve('postgres-store', undefined, env)
    const pool = new Pool({ connectionString: server().url })
    pool.on('error', () => undefined)
    const store = postgresStore({ pool })
    try {
      const keys = createKeys({ store: store.keys, storeDeadline: '10s' })
      const { key } = await keys.create({ account: 'acme', name: 'first key' })
      // A connection that has to be made first may take longer than a store may: that is 503.
      await vi.waitFor(async () => {
        const answer = await fetch(`${url}/v1/models`, {
          headers: { authorization: `Bearer ${key}` },
        })
        expect(await answer.json()).toEqual({ data: [{ id: 'gpt-5' }] })
      }, 10_000)
      expect((await fetch(`${url}/v1/models`)).status).toBe(401)
      await run('postgres-compact', undefined, env)
    } finally {
      child.kill()
      await store.close()
      await pool.end()
    }
  })

  it('prints the SQL of its schema', async () => {
    await run('postgres-migrations')
    const sql = await readFile(join(folder, '001-lazu.sql'), 'utf8')
    expect(sql).toContain('CREATE TABLE')
    const pool = new Pool({ connectionString: server().url })
    await pool.query('DROP SCHEMA IF EXISTS lazu CASCADE')
    await pool.query(sql)
    const { rows } = await pool.query('SELECT * FROM lazu.movements')
    expect(rows).toEqual([])
    await pool.end()
  })
})

describeWithRedis('the README of @lazu/redis', (server) => {
  it('serves, drains its journal, and restores an account', async () => {
    const running = await serve('redis-package', toServer(server().url))
    try {
      // The first answer on a machine that is busy may take longer than a store may: that is 503.
      await vi.waitFor(async () => {
        expect((await complete(running, running.key)).status).toBe(200)
      }, 10_000)
    } finally {
      running.process.kill()
    }
    await run('redis-journal', toServer(server().url))
    await run('redis-restore', toServer(server().url))
  })

  describeWithPostgres('beside a ledger that lasts', (postgres) => {
    it('takes its journal in there', async () => {
      const pool = new Pool({ connectionString: postgres().url })
      await postgresStore({ pool }).migrate()
      const env = { DATABASE_URL: postgres().url }
      expect(await run('redis-journal-into', toServer(server().url), env)).toMatch(/^[1-9]\d*\n$/)
      await pool.end()
    })
  })

  it('limits, and takes nothing for a refusal', async () => {
    const { url, process: child } = await serve('redis-limiter', toServer(server().url))
    try {
      const statuses: number[] = []
      for (let call = 0; call < 14; call++) {
        statuses.push((await fetch(`${url}/v1/models`)).status)
      }
      expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 200))
      // A point comes back every second.
      expect(statuses.slice(10).filter((status) => status === 200).length).toBeLessThan(3)
      expect(statuses).toContain(429)
    } finally {
      child.kill()
    }
  })

  it('counts all limits of a gateway, and those of its keys', async () => {
    const { url, key, process: child } = await serve('redis-limits', toServer(server().url))
    try {
      const statuses: number[] = []
      for (let call = 0; call < 12; call++) {
        const headers = { authorization: `Bearer ${key}` }
        statuses.push((await fetch(`${url}/v1/models`, { headers })).status)
      }
      const passed = statuses.filter((status) => status === 200).length
      const refused = statuses.filter((status) => status === 429).length
      // Five by the store, and on a machine that is busy two more by this process, at any time.
      expect(passed).toBeGreaterThanOrEqual(2)
      expect(passed).toBeLessThanOrEqual(7)
      expect(passed + refused).toBe(12)
    } finally {
      child.kill()
    }
  })
})
