import { GatewayError } from '../errors/gateway-error.js'
import type { Clock } from '../lib/clock.js'
import type { ApiKey } from './api-key.js'
import { deepFreeze } from './deep-freeze.js'
import { digestsEqual, type Digester } from './digest.js'
import { keyForm, maximumKeyLength } from './format.js'
import type { KeyCache, KnownKey } from './key-cache.js'
import type { KeyStore } from './key-store.js'
import { isPromise, whenDone } from '../lib/when-done.js'
import type { StoreCalls } from '../stores/store-calls.js'

/** What an Authenticator stands on. */
export interface AuthenticatorParts {
  readonly store: KeyStore
  readonly prefix: string
  readonly digester: Digester
  readonly cache: KeyCache
  readonly clock: Clock
  /** The calls to the store. */
  readonly calls: StoreCalls
}

/** A key that may be used now, or why it may not. */
export type Identified = ApiKey | GatewayError

/** Tells which key a secret is, from the cache or the store, and whether it may be used now. */
export class Authenticator {
  readonly #store: KeyStore
  readonly #prefix: string
  readonly #digester: Digester
  readonly #cache: KeyCache
  readonly #clock: Clock
  readonly #calls: StoreCalls
  /** The look-ups in flight, by secret. */
  readonly #lookUps = new Map<string, Promise<KnownKey | undefined>>()
  /** How many changes there were. A look-up that began before the last one is not remembered. */
  #changes = 0

  constructor(parts: AuthenticatorParts) {
    this.#store = parts.store
    this.#prefix = parts.prefix
    this.#digester = parts.digester
    this.#cache = parts.cache
    this.#clock = parts.clock
    this.#calls = parts.calls
  }

  /** See `Keys.identify`. */
  identify(secret: string): Identified | Promise<Identified> {
    // A look-up in a Map reads the whole string for its hash.
    if (secret.length > maximumKeyLength) return new GatewayError('api_key_invalid')
    const nowMs = this.#clock.monotonicMs()
    const known = this.#cache.fresh(secret, nowMs)
    if (known !== undefined) return this.#admit(known)
    if (this.#cache.isUnknown(secret, nowMs) || keyForm(secret, this.#prefix) === 'malformed') {
      return new GatewayError('api_key_invalid')
    }
    return whenDone<KnownKey | undefined, Identified>(
      () => this.#lookUps.get(secret) ?? this.#lookUp(secret, nowMs),
      (found) => this.#admit(found),
      (error) => this.#admitWithoutStore(secret, error),
    )
  }

  /** A key has changed, or may have: what is known of it, or being read now, no longer counts. */
  keyChanged(id: string): void {
    this.#forgetLookUps()
    this.#cache.forgetKey(id)
  }

  /** Another process has added or changed a key; any may have changed when the id is undefined. */
  changedElsewhere(id: string | undefined): void {
    const nowMs = this.#clock.monotonicMs()
    if (id === undefined) {
      this.#forgetLookUps()
      this.#cache.doubtAll(nowMs)
      return
    }
    this.keyChanged(id)
    // Its secret is not known here, but it may have been asked for before there was the key.
    this.#cache.doubtUnknown(nowMs)
  }

  /** A secret that may have been unknown until now has become a key. */
  secretAdded(secret: string): void {
    this.#forgetLookUps()
    this.#cache.forgetUnknown(secret)
  }

  #forgetLookUps(): void {
    this.#changes++
    // Whoever comes from now on must not wait for an answer that was read before the change.
    this.#lookUps.clear()
  }

  /** Every caller gets an error of its own: the formatter writes on it. */
  #admit(known: KnownKey | undefined): Identified {
    if (known === undefined) return new GatewayError('api_key_invalid')
    const { record, retiredAtMs } = known
    if (this.#isPast(retiredAtMs)) return new GatewayError('api_key_invalid')
    if (record.status === 'revoked') return new GatewayError('api_key_revoked')
    if (record.status !== 'active') return new GatewayError('api_key_disabled')
    if (this.#isPast(record.expiresAtMs ?? Infinity)) return new GatewayError('api_key_expired')
    return record
  }

  /** Reads the clock only if it matters: that costs as much as finding the key. */
  #isPast(timeMs: number): boolean {
    return timeMs !== Infinity && this.#clock.wallMs() >= timeMs
  }

  #admitWithoutStore(secret: string, cause: unknown): Identified {
    const known = this.#cache.stale(secret, this.#clock.monotonicMs())
    if (known === undefined) return new GatewayError('gateway_overloaded', { cause })
    return this.#admit(known)
  }

  #lookUp(secret: string, nowMs: number): KnownKey | undefined | Promise<KnownKey | undefined> {
    const found = this.#find(this.#digester.candidates(secret), 0, nowMs)
    if (!isPromise(found)) {
      this.#cache.keep(secret, found, nowMs)
      return found
    }
    const changes = this.#changes
    const lookUp = found.then(
      (known) => {
        this.#endLookUp(secret, lookUp)
        if (this.#changes === changes) this.#cache.keep(secret, known, nowMs)
        return known
      },
      (error: unknown) => {
        this.#endLookUp(secret, lookUp)
        throw error
      },
    )
    this.#lookUps.set(secret, lookUp)
    return lookUp
  }

  #endLookUp(secret: string, lookUp: Promise<KnownKey | undefined>): void {
    if (this.#lookUps.get(secret) === lookUp) this.#lookUps.delete(secret)
  }

  /** Asks for one digest after the other; there are two only while peppers are rotated. */
  #find(
    digests: readonly string[],
    index: number,
    readAtMs: number,
  ): KnownKey | undefined | Promise<KnownKey | undefined> {
    const digest = digests[index]
    if (digest === undefined) return undefined
    return whenDone(
      () => this.#calls.run(() => this.#store.findByDigest(digest)),
      (record) =>
        record === undefined
          ? this.#find(digests, index + 1, readAtMs)
          : match(record, digest, readAtMs),
    )
  }
}

/** A store may be wrong, a collation too lax: what it found counts when the digest is the same. */
function match(record: ApiKey, digest: string, readAtMs: number): KnownKey | undefined {
  const { rotation } = record
  if (digestsEqual(record.digest, digest)) {
    return { record: deepFreeze(record), retiredAtMs: Infinity, readAtMs }
  }
  if (rotation !== undefined && digestsEqual(rotation.digest, digest)) {
    return { record: deepFreeze(record), retiredAtMs: rotation.untilMs, readAtMs }
  }
  return undefined
}
