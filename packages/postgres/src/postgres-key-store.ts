import {
  KeyConflictError,
  KeyNotFoundError,
  type ApiKey,
  type KeyPage,
  type KeyStore,
} from '@lazu/core'
import type { Database } from './database.js'
import type { KeyChanges } from './key-changes.js'
import { text, type Row } from './rows.js'
import { encodeText } from './text.js'

/** Keys in PostgreSQL. */
export class PostgresKeyStore implements KeyStore {
  readonly #database: Database
  readonly #changes: KeyChanges

  /** Made by `postgresStore`. */
  constructor(database: Database, changes: KeyChanges) {
    this.#database = database
    this.#changes = changes
  }

  async findByDigest(digest: string): Promise<ApiKey | undefined> {
    const { schema } = this.#database
    const [row] = await this.#database.read(
      `SELECT record FROM ${schema}.key_digests JOIN ${schema}.keys ON id = key_id
        WHERE digest = $1`,
      encodeText(digest),
    )
    return row === undefined ? undefined : recordOf(row)
  }

  async get(id: string): Promise<ApiKey | undefined> {
    const sql = `SELECT record FROM ${this.#database.schema}.keys WHERE id = $1`
    const [row] = await this.#database.read(sql, encodeText(id))
    return row === undefined ? undefined : recordOf(row)
  }

  async insert(key: ApiKey): Promise<void> {
    const outcome = await this.#put('insert_key', key)
    if (outcome === 'id_taken') throw new KeyConflictError(`There is a key ${key.id} already.`)
    if (outcome === 'digest_taken') throw digestTaken()
  }

  async replace(key: ApiKey): Promise<void> {
    const outcome = await this.#put('replace_key', key)
    if (outcome === 'not_found') throw new KeyNotFoundError(key.id)
    if (outcome === 'digest_taken') throw digestTaken()
    if (outcome === 'changed_meanwhile') {
      throw new KeyConflictError(`The key ${key.id} was changed by somebody else meanwhile.`)
    }
  }

  async list(page: KeyPage): Promise<readonly ApiKey[]> {
    const { account, after = '', limit } = page
    const from = `SELECT record FROM ${this.#database.schema}.keys WHERE id > $1`
    const rows = await (account === undefined
      ? this.#database.read(`${from} ORDER BY id LIMIT $2`, encodeText(after), limit)
      : this.#database.read(
          `${from} AND account = $3 ORDER BY id LIMIT $2`,
          encodeText(after),
          limit,
          encodeText(account),
        ))
    return rows.map(recordOf)
  }

  /**
   * Tells of every key that was added or changed through any server, a moment after it was. It takes a
   * connection of its own.
   *
   * @param changed gets the key's id; undefined when any may have changed, because changes could not
   *   be heard for a while
   * @returns stops it
   */
  watch(changed: (keyId: string | undefined) => void): () => void {
    return this.#changes.watch(changed)
  }

  async #put(step: 'insert_key' | 'replace_key', key: ApiKey): Promise<unknown> {
    const { digest, rotation } = key
    const digests = new Set(rotation === undefined ? [digest] : [digest, rotation.digest])
    const [row] = await this.#database.write(
      `SELECT ${this.#database.schema}.${step}($1, $2, $3, $4, $5) AS outcome`,
      encodeText(key.id),
      encodeText(key.account),
      key.revision,
      encodeText(JSON.stringify(key)),
      [...digests].map(encodeText),
    )
    return row?.['outcome']
  }
}

function digestTaken(): KeyConflictError {
  return new KeyConflictError('There is a key with this secret already.')
}

function recordOf(row: Row): ApiKey {
  const record: ApiKey = JSON.parse(text(row, 'record'))
  return record
}
