import { MemoryKeyStore, type ApiKey, type KeyPage, type KeyStore } from '@lazu/core'
import { runKeyStoreContract } from '@lazu/testkit'
import { expect, it } from 'vitest'

runKeyStoreContract('MemoryKeyStore', () => new MemoryKeyStore())

/** A store that answers later, with copies anybody may change, as one in a database does. */
class LaterStore implements KeyStore {
  readonly #store = new MemoryKeyStore()

  async findByDigest(digest: string): Promise<ApiKey | undefined> {
    return structuredClone(this.#store.findByDigest(digest))
  }

  async get(id: string): Promise<ApiKey | undefined> {
    return structuredClone(this.#store.get(id))
  }

  async insert(key: ApiKey): Promise<void> {
    this.#store.insert(key)
  }

  async replace(key: ApiKey): Promise<void> {
    this.#store.replace(key)
  }

  async list(page: KeyPage): Promise<readonly ApiKey[]> {
    return structuredClone(this.#store.list(page))
  }
}

runKeyStoreContract('A store that answers with promises', () => new LaterStore())

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
