import { join } from 'node:path'
import Database from 'libsql'
import { createKeys } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { expect, it } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()

it('a copy that is made by VACUUM INTO while requests are served is whole', async () => {
  const path = join(folder, 'gateway.db')
  const copy = join(folder, 'copy.db')
  const store = sqliteStore({ path })
  const made = await createKeys({ store: store.keys }).create({ account: 'acme', name: 'test' })
  await store.ledger.credit('acme', 100_000, 'c1')
  const serve = async (from: number, to: number): Promise<void> => {
    for (let step = from; step < to; step++) {
      const id = `r${step}`
      await store.ledger.reserve({ id, account: 'acme', key: 'k1', amount: 9, ttlMs: 3_600_000 })
      if (step % 10 !== 0) await store.ledger.settle(id, 7)
    }
  }
  await serve(0, 500)
  const before = await store.ledger.balance('acme')
  const other = new Database(path)
  // A reader of its own moment, as a copy is.
  other.exec(`VACUUM INTO '${copy}'`)
  await serve(500, 1_000)
  other.close()

  const restored = sqliteStore({ path: copy })
  expect(await restored.ledger.balance('acme')).toEqual(before)
  expect(before).toMatchObject({ settled: 450 * 7, held: 50 * 9 })
  const keys = createKeys({ store: restored.keys })
  expect(await keys.authenticate(made.key)).toMatchObject({ name: 'test' })
  expect(await restored.ledger.settle('r0', 5)).toMatchObject({ ended: 'settled', amount: 5 })
  expect(await restored.ledger.credit('acme', 100_000, 'c1')).toMatchObject({ granted: 100_000 })
  await restored.close()
  await store.close()
})
