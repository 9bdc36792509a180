import { checkText } from '../lib/check-text.js'
import type { ApiKey } from './api-key.js'
import { frozenCopy } from './frozen-copy.js'
import { KeyConflictError, KeyNotFoundError, type KeyPage, type KeyStore } from './key-store.js'

/**
 * Keys in this process's memory, gone when it ends. Every method answers at once. Records are
 * frozen copies of what was handed in.
 */
export class MemoryKeyStore implements KeyStore {
  readonly #keys = new Map<string, ApiKey>()
  readonly #byDigest = new Map<string, ApiKey>()
  // Sorted, for paging. A new key's id is the latest nearly always, so adding one is appending.
  readonly #ids: string[] = []
  readonly #idsOf = new Map<string, string[]>()

  findByDigest(digest: string): ApiKey | undefined {
    checkText('digest', digest)
    return this.#byDigest.get(digest)
  }

  get(id: string): ApiKey | undefined {
    checkText('id', id)
    return this.#keys.get(id)
  }

  insert(key: ApiKey): void {
    checkTexts(key)
    if (this.#keys.has(key.id)) throw new KeyConflictError(`There is a key ${key.id} already.`)
    this.#refuseDigestsOfOthers(key)
    const record = frozenCopy(key)
    this.#add(record)
    addSorted(this.#ids, record.id)
    this.#addToAccount(record)
  }

  replace(key: ApiKey): void {
    checkTexts(key)
    const before = this.#keys.get(key.id)
    if (before === undefined) throw new KeyNotFoundError(key.id)
    if (before.revision !== key.revision - 1) {
      throw new KeyConflictError(`The key ${key.id} was changed by somebody else meanwhile.`)
    }
    this.#refuseDigestsOfOthers(key)
    const record = frozenCopy(key)
    this.#byDigest.delete(before.digest)
    if (before.rotation !== undefined) this.#byDigest.delete(before.rotation.digest)
    this.#add(record)
    if (record.account !== before.account) {
      this.#removeFromAccount(before)
      this.#addToAccount(record)
    }
  }

  list(page: KeyPage): readonly ApiKey[] {
    if (page.account !== undefined) checkText('account', page.account)
    if (page.after !== undefined) checkText('after', page.after)
    const ids = page.account === undefined ? this.#ids : (this.#idsOf.get(page.account) ?? [])
    const start = page.after === undefined ? 0 : positionBehind(ids, page.after)
    const keys: ApiKey[] = []
    for (const id of ids.slice(start, start + page.limit)) {
      const key = this.#keys.get(id)
      if (key !== undefined) keys.push(key)
    }
    return keys
  }

  #add(record: ApiKey): void {
    this.#keys.set(record.id, record)
    this.#byDigest.set(record.digest, record)
    if (record.rotation !== undefined) this.#byDigest.set(record.rotation.digest, record)
  }

  #refuseDigestsOfOthers(key: ApiKey): void {
    const isOthers = (digest: string | undefined): boolean =>
      digest !== undefined && (this.#byDigest.get(digest)?.id ?? key.id) !== key.id
    if (isOthers(key.digest) || isOthers(key.rotation?.digest)) {
      throw new KeyConflictError('There is a key with this secret already.')
    }
  }

  #addToAccount(record: ApiKey): void {
    const ids = this.#idsOf.get(record.account)
    if (ids === undefined) this.#idsOf.set(record.account, [record.id])
    else addSorted(ids, record.id)
  }

  #removeFromAccount(record: ApiKey): void {
    const ids = this.#idsOf.get(record.account) ?? []
    ids.splice(positionBehind(ids, record.id) - 1, 1)
    if (ids.length === 0) this.#idsOf.delete(record.account)
  }
}

function checkTexts(key: ApiKey): void {
  checkText('id', key.id)
  checkText('account', key.account)
  checkText('digest', key.digest)
  if (key.rotation !== undefined) checkText('rotation.digest', key.rotation.digest)
}

function addSorted(ids: string[], id: string): void {
  ids.splice(positionBehind(ids, id), 0, id)
}

/** The index of the first id that sorts behind this one, by binary search. */
function positionBehind(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] ?? '') <= id) low = middle + 1
    else high = middle
  }
  return low
}
