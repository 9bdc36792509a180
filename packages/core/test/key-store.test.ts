import { MemoryKeyStore } from '@lazu/core'
import { runKeyStoreContract } from '@lazu/testkit'
import { expect, it } from 'vitest'
import { LaterStore } from './key-fixtures.js'

runKeyStoreContract('MemoryKeyStore', () => new MemoryKeyStore())

runKeyStoreContract(
  'A store that answers with promises',
  () => new LaterStore(new MemoryKeyStore()),
)

it('answers at once, with frozen records', () => {
  const store = new MemoryKeyStore()
  store.insert({
    id: 'key_1',
    account: 'acme',
    name: 'one',
    shown: '…abcd',
    status: 'active',
    createdAtMs: 0,
    revision: 1,
    digest: 'd1',
    limits: { rpm: 5 },
  })
  const key = store.findByDigest('d1')
  expect(key).toMatchObject({ id: 'key_1' })
  expect(Object.isFrozen(key)).toBe(true)
  expect(Object.isFrozen(key?.limits)).toBe(true)
})
