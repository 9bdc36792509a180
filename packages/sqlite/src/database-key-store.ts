import type { ApiKey, KeyPage, KeyStore } from '@lazu/core'
import { KeyConflictError, KeyNotFoundError } from '@lazu/core/stores'
import { checkKey, checkKeyPage, checkName } from './arguments.js'
import type { Connection, Statement } from './connection.js'
import { text, type Row } from './database.js'
import { isConstraint } from './failures.js'

/** Keys in a SQLite database. What is written is on the disk before it is said to be. */
export class DatabaseKeyStore implements KeyStore {
  readonly deadlineMs: number
  readonly #connection: Connection
  readonly #byDigest: Statement
  readonly #byId: Statement
  readonly #insert: Statement
  readonly #update: Statement
  readonly #addDigest: Statement
  readonly #removeDigest: Statement
  readonly #page: Statement
  readonly #pageOfAccount: Statement

  constructor(connection: Connection) {
    this.deadlineMs = connection.deadlineMs
    this.#connection = connection
    this.#byDigest = connection.prepare(
      'SELECT record FROM lazu_key_digests JOIN lazu_keys ON id = key_id WHERE digest = ?',
    )
    this.#byId = connection.prepare('SELECT record FROM lazu_keys WHERE id = ?')
    this.#insert = connection.prepare(
      'INSERT INTO lazu_keys (id, account, revision, record) VALUES (?, ?, ?, ?)',
    )
    this.#update = connection.prepare(
      'UPDATE lazu_keys SET account = ?, revision = ?, record = ? WHERE id = ?',
    )
    this.#addDigest = connection.prepare(
      'INSERT INTO lazu_key_digests (digest, key_id) VALUES (?, ?)',
    )
    this.#removeDigest = connection.prepare('DELETE FROM lazu_key_digests WHERE digest = ?')
    this.#page = connection.prepare('SELECT record FROM lazu_keys WHERE id > ? ORDER BY id LIMIT ?')
    this.#pageOfAccount = connection.prepare(
      'SELECT record FROM lazu_keys WHERE account = ? AND id > ? ORDER BY id LIMIT ?',
    )
  }

  findByDigest(digest: string): ApiKey | undefined | Promise<ApiKey | undefined> {
    checkName('digest', digest)
    return this.#connection.read(() => keyOf(this.#byDigest.get(digest)))
  }

  get(id: string): ApiKey | undefined | Promise<ApiKey | undefined> {
    checkName('id', id)
    return this.#connection.read(() => keyOf(this.#byId.get(id)))
  }

  insert(key: ApiKey): void | Promise<void> {
    checkKey(key)
    return this.#connection.write(() => {
      if (this.#byId.get(key.id) !== undefined) {
        throw new KeyConflictError(`There is a key ${key.id} already.`)
      }
      this.#insert.run(key.id, key.account, key.revision, JSON.stringify(key))
      this.#addDigests(key)
    }, 'synced')
  }

  replace(key: ApiKey): void | Promise<void> {
    checkKey(key)
    return this.#connection.write(() => {
      const before = keyOf(this.#byId.get(key.id))
      if (before === undefined) throw new KeyNotFoundError(key.id)
      if (before.revision !== key.revision - 1) {
        throw new KeyConflictError(`The key ${key.id} was changed by somebody else meanwhile.`)
      }
      this.#update.run(key.account, key.revision, JSON.stringify(key), key.id)
      this.#removeDigest.run(before.digest)
      if (before.rotation !== undefined) this.#removeDigest.run(before.rotation.digest)
      this.#addDigests(key)
    }, 'synced')
  }

  list(page: KeyPage): readonly ApiKey[] | Promise<readonly ApiKey[]> {
    checkKeyPage(page)
    const { account, after = '', limit } = page
    return this.#connection.read(() => {
      const rows =
        account === undefined
          ? this.#page.all(after, limit)
          : this.#pageOfAccount.all(account, after, limit)
      return rows.map(recordOf)
    })
  }

  #addDigests(key: ApiKey): void {
    try {
      this.#addDigest.run(key.digest, key.id)
      const old = key.rotation?.digest
      if (old !== undefined && old !== key.digest) this.#addDigest.run(old, key.id)
    } catch (error) {
      if (!isConstraint(error)) throw error
      throw new KeyConflictError('There is a key with this secret already.')
    }
  }
}

function keyOf(row: Row | undefined): ApiKey | undefined {
  return row === undefined ? undefined : recordOf(row)
}

function recordOf(row: Row): ApiKey {
  const record: ApiKey = JSON.parse(text(row, 'record'))
  return record
}
