import type { ApiKey, KeyPage, KeyStore } from '@lazu/core'
import { GatewayError, KeyNotFoundError } from '@lazu/core/stores'
import { checkKey, checkKeyPage, checkName } from '../arguments.js'
import type { StoreThread } from './store-thread.js'

/** The keys of a store that is in a thread of its own. */
export class ThreadKeyStore implements KeyStore {
  readonly deadlineMs: number
  readonly #thread: StoreThread

  constructor(thread: StoreThread, deadlineMs: number) {
    this.deadlineMs = deadlineMs
    this.#thread = thread
  }

  findByDigest(digest: string): Promise<ApiKey | undefined> {
    checkName('digest', digest)
    return this.#thread.ask('findByDigest', digest)
  }

  get(id: string): Promise<ApiKey | undefined> {
    checkName('id', id)
    return this.#thread.ask('get', id)
  }

  insert(key: ApiKey): Promise<void> {
    checkKey(key)
    return this.#thread.ask('insert', key)
  }

  async replace(key: ApiKey): Promise<void> {
    checkKey(key)
    try {
      await this.#thread.ask('replace', key)
    } catch (error) {
      // Made anew, as only here its argument is known.
      throw isNotFound(error) ? new KeyNotFoundError(key.id) : error
    }
  }

  list(page: KeyPage): Promise<readonly ApiKey[]> {
    checkKeyPage(page)
    return this.#thread.ask('list', page)
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof GatewayError && error.status === 404
}
