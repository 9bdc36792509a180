import { GatewayError } from '../errors/gateway-error.js'
import { systemClock, type Clock } from '../lib/clock.js'
import { ulid } from '../lib/ulid.js'
import type { ApiKey, ApiKeyStatus } from './api-key.js'
import { Authenticator, type Identified } from './authenticator.js'
import { deepFreeze } from './deep-freeze.js'
import { createDigester, type Digester } from './digest.js'
import { generateKey, shownForm } from './format.js'
import { KeyCache } from './key-cache.js'
import {
  checkChanges,
  checkImportedSecret,
  checkKeyId,
  checkNewKey,
  checkPage,
  checkRotation,
  withChanges,
  type KeyChanges,
  type NewKey,
  type Rotation,
} from './key-input.js'
import { KeyConflictError, KeyNotFoundError, type KeyPage, type KeyStore } from './key-store.js'
import { checkKeysOptions, type CheckedKeysOptions, type KeysOptions } from './keys-options.js'
import { MemoryKeyStore } from './memory-key-store.js'
import { isPromise, whenDone } from '../lib/when-done.js'
import { StoreCalls, type StoreHealth } from '../stores/store-calls.js'
import { deadlineOf } from '../stores/stores.js'

/** A key that was just made. `key` is the secret: it can be read here and never again. */
export interface MadeKey {
  readonly key: string
  readonly record: ApiKey
}

/**
 * API keys: making, changing and recognising them. With a synchronous store every method answers
 * at once, without a promise.
 *
 * A mistake in what is passed is a GatewayError (`parameter_missing`, `parameter_invalid`,
 * `value_invalid`) whose `param` names the field. An id nobody has is a KeyNotFoundError. What the
 * store throws is passed on, except by `authenticate` and `identify`.
 */
export interface Keys {
  /** Makes a key. */
  create(input: NewKey): MadeKey | Promise<MadeKey>
  /**
   * Takes over a key made elsewhere: 16 to 512 characters of visible ASCII.
   *
   * @throws GatewayError `value_invalid` for anything else, and for a mistyped key of our own
   * @throws KeyConflictError when the key is there already
   */
  import(secret: string, input: NewKey): ApiKey | Promise<ApiKey>
  get(id: string): ApiKey | undefined | Promise<ApiKey | undefined>
  /** A page of keys in the order they were made, 100 unless `limit` says otherwise (1 to 1000). */
  list(page?: Partial<KeyPage>): readonly ApiKey[] | Promise<readonly ApiKey[]>
  /**
   * Switches a key off until it is enabled.
   *
   * @throws GatewayError `request_invalid` (409) when it was revoked
   */
  disable(id: string): ApiKey | Promise<ApiKey>
  /**
   * Switches a disabled key on again.
   *
   * @throws GatewayError `request_invalid` (409) when it was revoked
   */
  enable(id: string): ApiKey | Promise<ApiKey>
  /** Withdraws a key for good. Requests that run already finish; the next one is refused. */
  revoke(id: string): ApiKey | Promise<ApiKey>
  /** Changes a key's name or settings. */
  update(id: string, changes: KeyChanges): ApiKey | Promise<ApiKey>
  /**
   * Gives a key a new secret. The old one works for `graceMs` more; one that was still working from
   * a rotation before stops now.
   *
   * @throws GatewayError `request_invalid` (409) when it was revoked
   */
  rotate(id: string, rotation: Rotation): MadeKey | Promise<MadeKey>
  /**
   * The key this is the secret of, if it may be used now.
   *
   * @throws GatewayError `api_key_invalid` (malformed, unknown or rotated away), `api_key_revoked`,
   *   `api_key_disabled`, `api_key_expired`; `gateway_overloaded` when the store fails and the key
   *   was not read lately
   */
  authenticate(secret: string): ApiKey | Promise<ApiKey>
  /**
   * As {@link authenticate}, but what that throws is returned: a throw costs more than all else there
   * is to do about a key nobody has, and anybody can send those.
   */
  identify(secret: string): ApiKey | GatewayError | Promise<ApiKey | GatewayError>
  /** Where the records are kept, for those who ask whether they outlive the process. */
  readonly store?: KeyStore | undefined
  /** How the store is doing. */
  readonly health?: StoreHealth | undefined
  /** Stops listening to changes that other processes make. The store itself stays open. */
  close(): void
}

/**
 * Makes the keys of a gateway.
 *
 * @throws ConfigurationError for a mistake in the options
 * @example
 * ```ts
 * const keys = createKeys({ store, peppers: [pepper] })
 * const { key } = await keys.create({ account: 'acme', name: 'production' })
 * console.log(key) // sk-lazu-…, shown once
 * ```
 */
export function createKeys(options: KeysOptions = {}): Keys {
  return new KeyService(checkKeysOptions(options))
}

// A change that lost against another one is made again on what that one left.
const changeAttempts = 5

class KeyService implements Keys {
  readonly #prefix: string
  readonly #clock: Clock
  readonly #digester: Digester
  readonly #authenticator: Authenticator
  readonly #unwatch: (() => void) | undefined
  readonly store: KeyStore
  readonly health: StoreHealth

  constructor(options: CheckedKeysOptions) {
    this.store = options.store ?? new MemoryKeyStore()
    this.#prefix = options.prefix
    this.#clock = options.clock ?? systemClock
    this.#digester = createDigester(options.peppers)
    const deadlineMs = deadlineOf(this.store, options.storeDeadlineMs)
    const calls = new StoreCalls('keys', deadlineMs, this.#clock)
    this.health = calls
    this.#authenticator = new Authenticator({
      store: this.store,
      prefix: this.#prefix,
      digester: this.#digester,
      cache: new KeyCache(options.cache),
      clock: this.#clock,
      calls,
    })
    this.#unwatch = this.store.watch?.((id) => this.#authenticator.changedElsewhere(id))
  }

  close(): void {
    this.#unwatch?.()
  }

  authenticate(secret: string): ApiKey | Promise<ApiKey> {
    const found = this.#authenticator.identify(secret)
    return isPromise(found) ? found.then(orThrow) : orThrow(found)
  }

  identify(secret: string): Identified | Promise<Identified> {
    return this.#authenticator.identify(secret)
  }

  create(input: NewKey): MadeKey | Promise<MadeKey> {
    const checked = checkNewKey(input)
    const key = generateKey(this.#prefix)
    return whenDone(
      () => this.#insert(key, checked),
      (record) => ({ key, record }),
    )
  }

  import(secret: string, input: NewKey): ApiKey | Promise<ApiKey> {
    checkImportedSecret(secret, this.#prefix)
    const checked = checkNewKey(input)
    const [, ...olderDigests] = this.#digester.candidates(secret)
    return whenDone(
      () => this.#refuseStored(olderDigests),
      () => this.#insert(secret, checked),
    )
  }

  get(id: string): ApiKey | undefined | Promise<ApiKey | undefined> {
    checkKeyId(id)
    return this.store.get(id)
  }

  list(page: Partial<KeyPage> = {}): readonly ApiKey[] | Promise<readonly ApiKey[]> {
    return this.store.list(checkPage(page))
  }

  disable(id: string): ApiKey | Promise<ApiKey> {
    return this.#setStatus(id, 'disabled')
  }

  enable(id: string): ApiKey | Promise<ApiKey> {
    return this.#setStatus(id, 'active')
  }

  revoke(id: string): ApiKey | Promise<ApiKey> {
    return this.#setStatus(id, 'revoked')
  }

  update(id: string, changes: KeyChanges): ApiKey | Promise<ApiKey> {
    const checked = checkChanges(changes)
    return this.#change(id, (key) => withChanges(key, checked))
  }

  rotate(id: string, rotation: Rotation): MadeKey | Promise<MadeKey> {
    const { graceMs } = checkRotation(rotation)
    const key = generateKey(this.#prefix)
    const digest = this.#digester.digest(key)
    const shown = shownForm(key, this.#prefix)
    const untilMs = this.#clock.wallMs() + graceMs
    return whenDone(
      () =>
        this.#change(id, (before) => {
          refuseRevoked(before)
          const old = graceMs === 0 ? undefined : { digest: before.digest, untilMs }
          return { ...before, digest, shown, rotation: old }
        }),
      (record) => ({ key, record }),
    )
  }

  /**
   * Refuses a secret that a key has under another digest than a new one would get, as while peppers
   * are replaced. The store sees two digests then: a second key would be let in, and the first be
   * active again though it was revoked.
   *
   * @throws KeyConflictError
   */
  #refuseStored(digests: readonly string[]): void | Promise<void> {
    const [digest, ...others] = digests
    if (digest === undefined) return
    return whenDone(
      () => this.store.findByDigest(digest),
      (found) => {
        if (found === undefined) return this.#refuseStored(others)
        throw new KeyConflictError('There is a key with this secret already.')
      },
    )
  }

  #insert(secret: string, input: NewKey): ApiKey | Promise<ApiKey> {
    const nowMs = this.#clock.wallMs()
    const record: ApiKey = deepFreeze({
      ...input,
      id: `key_${ulid(nowMs)}`,
      shown: shownForm(secret, this.#prefix),
      status: 'active',
      createdAtMs: nowMs,
      revision: 1,
      digest: this.#digester.digest(secret),
    })
    return whenDone(
      () => this.store.insert(record),
      () => {
        this.#authenticator.secretAdded(secret)
        return record
      },
    )
  }

  #setStatus(id: string, status: ApiKeyStatus): ApiKey | Promise<ApiKey> {
    return this.#change(id, (key) => {
      if (key.status === status) return key
      refuseRevoked(key)
      return { ...key, status }
    })
  }

  /**
   * Reads a key, changes it and puts it back. Whatever comes of it, what is remembered of the key
   * is forgotten: a write that failed here may have been made all the same.
   */
  #change(
    id: string,
    change: (key: ApiKey) => ApiKey,
    attempts: number = changeAttempts,
  ): ApiKey | Promise<ApiKey> {
    checkKeyId(id)
    return whenDone(
      () => this.store.get(id),
      (before) => {
        if (before === undefined) throw new KeyNotFoundError(id)
        // Somebody else may have changed it, too.
        this.#authenticator.keyChanged(id)
        const changed = change(before)
        if (changed === before) return before
        const record = deepFreeze({ ...changed, revision: before.revision + 1 })
        return whenDone(
          () => this.store.replace(record),
          () => {
            this.#authenticator.keyChanged(id)
            return record
          },
          (error) => {
            this.#authenticator.keyChanged(id)
            if (!(error instanceof KeyConflictError) || attempts <= 1) throw error
            return this.#change(id, change, attempts - 1)
          },
        )
      },
    )
  }
}

function orThrow(found: Identified): ApiKey {
  if (found instanceof GatewayError) throw found
  return found
}

function refuseRevoked(key: ApiKey): void {
  if (key.status !== 'revoked') return
  throw new GatewayError('request_invalid', {
    status: 409,
    message: `The key ${key.id} was revoked, which is for good.`,
  })
}
