import {
  GatewayError,
  generateKey,
  MemoryKeyStore,
  type ApiKey,
  type Condition,
  type KeyPage,
  type Keys,
  type KeyStore,
  type NewKey,
} from '@lazu/core'
import { assert } from 'vitest'

/** A key like any other. */
export const acme: NewKey = { account: 'acme', name: 'production' }

/** A store in memory that counts what it is asked, and fails when it is told to. */
export class CountingStore extends MemoryKeyStore {
  lookUps = 0
  isDown = false

  override findByDigest(digest: string): ApiKey | undefined {
    this.lookUps++
    if (this.isDown) throw new Error('connection refused')
    return super.findByDigest(digest)
  }
}

/** A store that answers a look-up when it is told to, with what it read when it was asked. */
export class SlowStore implements KeyStore {
  readonly memory = new MemoryKeyStore()
  readonly #waiting: (() => void)[] = []
  lookUps = 0

  findByDigest(digest: string): Promise<ApiKey | undefined> {
    this.lookUps++
    const read = this.memory.findByDigest(digest)
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        resolve(read)
      })
    })
  }

  /** Answers the look-ups that wait. */
  answer(): void {
    this.take()()
  }

  /** The look-ups that wait are answered when the function is called that this gives. */
  take(): () => void {
    const waiting = this.#waiting.splice(0)
    return () => {
      for (const resolve of waiting) resolve()
    }
  }

  async get(id: string): Promise<ApiKey | undefined> {
    return this.memory.get(id)
  }

  async insert(key: ApiKey): Promise<void> {
    this.memory.insert(key)
  }

  async replace(key: ApiKey): Promise<void> {
    this.memory.replace(key)
  }

  async list(page: KeyPage): Promise<readonly ApiKey[]> {
    return this.memory.list(page)
  }
}

/** A store that answers later, with copies anybody may change, as one in a database does. */
export class LaterStore implements KeyStore {
  readonly #store: MemoryKeyStore

  constructor(store: MemoryKeyStore) {
    this.#store = store
  }

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

/** A key of the default prefix with a typing mistake at its end. */
export function mistypedKey(): string {
  const key = generateKey('sk-lazu-')
  return key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a')
}

/** The value itself: fails when it has to be waited for. */
export function now<T>(value: T | Promise<T>): T {
  assert(!(value instanceof Promise))
  return value
}

/** What was thrown. */
export function errorOf(work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    assert(error instanceof GatewayError)
    return error
  }
  return assert.fail('nothing was thrown')
}

/** Why a promise, or what is as good as one, was rejected. */
export async function conditionLater(work: unknown): Promise<Condition> {
  const error: unknown = await Promise.resolve(work).then(
    () => assert.fail('nothing was thrown'),
    (reason: unknown) => reason,
  )
  assert(error instanceof GatewayError)
  return error.condition
}

/** What came of it: the value, or the condition of the error. */
export function outcomeOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return GatewayError.is(error) ? error.condition : error
  }
}

/** Makes a key from what has no type, as the body of a request. */
export function createFrom(keys: Keys, input: unknown): unknown {
  const create: unknown = keys.create.bind(keys)
  assert(typeof create === 'function')
  return create(input)
}
