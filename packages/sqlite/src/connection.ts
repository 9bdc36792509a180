import type { Condition } from '@lazu/core'
import { GatewayError } from '@lazu/core/stores'
import { BusyQueue } from './busy-queue.js'
import { integer, rowOf, type Row, type SqliteDatabase, type SqlValue } from './database.js'
import { isBusy, meaningOf } from './failures.js'

/** A prepared statement that gives rows. */
export interface Statement {
  run(...parameters: SqlValue[]): void
  get(...parameters: SqlValue[]): Row | undefined
  all(...parameters: SqlValue[]): Row[]
}

/** Which way a transaction goes to the disk. */
export type Durability = 'as-set' | 'synced'

/** What a step may take beside waiting for others, in milliseconds. */
const ownTimeMs = 100

/** SQLite's number of `synchronous = FULL`. */
const full = 2

/**
 * A database and its transactions.
 *
 * A transaction is one synchronous piece of work, so nothing of this process can come between its
 * steps. One that finds the file locked by another process waits in a queue while this process goes
 * on with other requests: only then there is a promise.
 */
export class Connection {
  readonly #database: SqliteDatabase
  /** How long an answer may take, in milliseconds: as long as others are waited for, and a little. */
  readonly deadlineMs: number
  readonly #synchronous: number
  readonly #queue: BusyQueue
  #closed = false

  /** @param busyTimeoutMs how long a transaction waits for other processes, in milliseconds */
  constructor(database: SqliteDatabase, busyTimeoutMs: number) {
    this.#database = database
    this.#queue = new BusyQueue(busyTimeoutMs)
    this.deadlineMs = busyTimeoutMs + ownTimeMs
    const synchronous = this.prepare('PRAGMA synchronous').get()
    this.#synchronous = synchronous === undefined ? full : integer(synchronous, 'synchronous')
  }

  /** A statement. It throws a TypeError for a parameter that is none, whatever the driver would do. */
  prepare(sql: string): Statement {
    const statement = this.#database.prepare(sql)
    return {
      run: (...parameters) => void statement.run(...bindable(parameters)),
      get: (...parameters) => rowOf(statement.get(...bindable(parameters))),
      all: (...parameters) => {
        return statement.all(...bindable(parameters)).map((row) => rowOf(row) ?? {})
      },
    }
  }

  /** Runs statements that give nothing back. */
  execute(sql: string): void {
    this.#database.exec(sql)
  }

  /** One transaction that may write; waits for nobody. What `work` throws takes it back. */
  inTransaction<T>(work: () => T): T {
    return this.#transaction('BEGIN IMMEDIATE', work)
  }

  /**
   * Reads, as of one moment.
   *
   * @throws GatewayError `store_read_failed` with SQLite's error inside
   */
  read<T>(work: () => T): T | Promise<T> {
    return this.#tried('store_read_failed', () => this.#transaction('BEGIN', work))
  }

  /**
   * Changes something, wholly or not at all. What `work` throws is thrown, and nothing is changed.
   *
   * @param durability `synced`: on the disk when this returns, whatever `synchronous` is
   * @throws GatewayError `store_write_failed` with SQLite's error inside
   */
  write<T>(work: () => T, durability: Durability = 'as-set'): T | Promise<T> {
    const attempt = (): T => {
      if (durability === 'as-set' || this.#synchronous >= full) {
        return this.#transaction('BEGIN IMMEDIATE', work)
      }
      this.#database.exec('PRAGMA synchronous = FULL')
      try {
        return this.#transaction('BEGIN IMMEDIATE', work)
      } finally {
        this.#database.exec(`PRAGMA synchronous = ${this.#synchronous}`)
      }
    }
    // Whoever came first writes first.
    return this.#queue.isEmpty
      ? this.#tried('store_write_failed', attempt)
      : this.#queued('store_write_failed', attempt)
  }

  /** Takes nothing more in, and lets what waits for another process end. */
  async end(): Promise<void> {
    this.#closed = true
    await this.#queue.emptied()
  }

  #transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.#database.exec(begin)
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }

  /** Tries a step now, and waits for its turn when the file is locked. */
  #tried<T>(condition: Condition, attempt: () => T): T | Promise<T> {
    this.#refuseWhenClosed(condition)
    try {
      return attempt()
    } catch (error) {
      if (isBusy(error)) return this.#queued(condition, attempt)
      throw failure(condition, error)
    }
  }

  #queued<T>(condition: Condition, attempt: () => T): Promise<T> {
    this.#refuseWhenClosed(condition)
    return this.#queue.add(attempt).catch((error: unknown) => {
      throw failure(condition, error)
    })
  }

  /** Statements of a closed database work in some drivers, and write to a file nobody expects it of. */
  #refuseWhenClosed(condition: Condition): void {
    if (this.#closed) throw new GatewayError(condition, { cause: new Error('it was closed') })
  }
}

/**
 * The parameters, if a statement can be given them. Drivers differ in what they do with others: take
 * a list apart, look in an object for names, or end the process.
 *
 * @throws TypeError
 */
function bindable(parameters: SqlValue[]): SqlValue[] {
  for (const parameter of parameters) {
    const type = typeof parameter
    if (type === 'string' || type === 'number' || parameter === null) continue
    throw new TypeError(`a parameter of a statement is neither a text nor a number, but ${type}`)
  }
  return parameters
}

/** SQLite's error as the store's; any other error is what it is. */
function failure(condition: Condition, error: unknown): unknown {
  return meaningOf(error) === undefined ? error : new GatewayError(condition, { cause: error })
}
