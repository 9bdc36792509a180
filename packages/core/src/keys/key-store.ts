import { GatewayError } from '../errors/gateway-error.js'
import type { ApiKey } from './api-key.js'

/** Which part of the keys to list. */
export interface KeyPage {
  /** Only the keys of this account. */
  readonly account?: string | undefined
  /** Begins behind this id: the last one of the page before. There need not be such a key. */
  readonly after?: string | undefined
  /** How many at most, from 1 up. */
  readonly limit: number
}

/**
 * Where the keys' records are kept. It sees digests only, never a secret.
 *
 * Each method answers at once or with a promise; a store in memory makes the whole look-up
 * synchronous. Text is compared exactly: case counts, and `%` or `*` is a character like any other.
 * What is handed in and out are copies, or frozen: changing a record changes nothing in the store.
 * There is no deleting: a key that must not be used again is replaced by a revoked one. An id, an
 * account, a digest or an `after` that is no text is a RangeError: what a server passes on from a
 * request's body may be anything.
 *
 * On SQL, a table `keys (id primary key, account, revision, record)` with an index on
 * `(account, id)`, and a table `key_digests (digest primary key, key_id)` with a row for `digest`
 * and one for `rotation.digest`, written in one transaction with the record. A unique violation is
 * a KeyConflictError. Ids must sort by their bytes (`COLLATE "C"` on PostgreSQL).
 *
 * `runKeyStoreContract` of the testkit holds a store to all of this.
 */
export interface KeyStore {
  /**
   * How long a look-up may take, in milliseconds, when no `storeDeadline` is set; 50 unless given.
   */
  readonly deadlineMs?: number | undefined
  /**
   * The key whose `digest` or `rotation.digest` this is, whatever its status, and whether or not
   * the rotation is over: the caller decides what that means. Two keys never have the same one.
   */
  findByDigest(digest: string): ApiKey | undefined | Promise<ApiKey | undefined>
  /** The key of this id. */
  get(id: string): ApiKey | undefined | Promise<ApiKey | undefined>
  /**
   * Adds a key.
   *
   * @throws KeyConflictError when there is its id, or one of its digests, already; nothing is added
   */
  insert(key: ApiKey): void | Promise<void>
  /**
   * Puts a key in the place of the one with the same id. From then on it is found by its new
   * digests only. On SQL: `UPDATE keys SET … WHERE id = $1 AND revision = $2 - 1`.
   *
   * @throws KeyNotFoundError when there is none with this id
   * @throws KeyConflictError when the stored revision is not the one before this key's, or one of
   *   its digests is another key's; nothing is changed
   */
  replace(key: ApiKey): void | Promise<void>
  /**
   * A page of keys in the order of their ids, which is the order they were made in, to the
   * millisecond. A page with fewer than `limit` is the last.
   */
  list(page: KeyPage): readonly ApiKey[] | Promise<readonly ApiKey[]>
  /**
   * Tells of changes that other processes make, so that they count at once and not when what is
   * remembered of a key is read again.
   *
   * @param changed is called with the id of the key that was added or changed; with undefined when
   *   any may have been, as after the connection was lost
   * @returns a function that stops it
   */
  watch?(changed: (keyId: string | undefined) => void): () => void
}

/** A key could not be stored as something like it is there. Answered with 409. */
export class KeyConflictError extends GatewayError {
  /** @param message for people; it must hold no digest */
  constructor(message: string) {
    super('request_invalid', { status: 409, message })
  }
}

/** There is no key with this id. Answered with 404. */
export class KeyNotFoundError extends GatewayError {
  constructor(id: string) {
    super('request_invalid', {
      status: 404,
      param: 'id',
      message: `There is no key with the id ${JSON.stringify(id.slice(0, 80))}.`,
    })
  }
}
