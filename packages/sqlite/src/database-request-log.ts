import type { RequestRecord } from '@lazu/core'
import { isPromise } from '@lazu/core/stores'
import { checkName } from './arguments.js'
import type { Connection, Statement } from './connection.js'
import { text } from './database.js'
import type { SqliteRequestLog } from './store-parts.js'

/** How long records are gathered before they are written. */
const pauseMs = 50
/** What one transaction writes, so that it holds nobody up. */
const sliceLength = 10
/** What waits to be written at most; what comes then is not recorded. */
const mostWaiting = 10_000

/** The request log on a database of this thread. */
export class DatabaseRequestLog implements SqliteRequestLog {
  readonly #connection: Connection
  readonly #kept: number
  readonly #warn: (message: string) => void
  readonly #insert: Statement
  readonly #find: Statement
  readonly #forget: Statement
  /** In the order they came; the first ones are being written. */
  #waiting: RequestRecord[] = []
  /** The next turn of writing, or the one that is waiting for another process. */
  #next: NodeJS.Timeout | NodeJS.Immediate | Promise<void> | undefined
  #failing = false
  #closed = false

  /**
   * @param kept how many of the newest are kept
   * @param warn is told when records begin to be lost
   */
  constructor(connection: Connection, kept: number, warn: (message: string) => void) {
    this.#connection = connection
    this.#kept = kept
    this.#warn = warn
    this.#insert = connection.prepare(
      'INSERT OR REPLACE INTO lazu_requests (request_id, record) VALUES (?, ?)',
    )
    this.#find = connection.prepare(
      'SELECT CAST(record AS BLOB) AS record FROM lazu_requests WHERE request_id = ?',
    )
    // More than a slice adds, so that it catches up when fewer are to be kept than before.
    this.#forget = connection.prepare(
      'DELETE FROM lazu_requests WHERE number IN (SELECT number FROM lazu_requests WHERE number <= ' +
        `(SELECT max(number) FROM lazu_requests) - ? ORDER BY number LIMIT ${2 * sliceLength})`,
    )
  }

  record(record: RequestRecord): void {
    if (this.#closed || this.#waiting.length >= mostWaiting) return
    this.#waiting.push(record)
    this.#next ??= setTimeout(() => this.#turn(), pauseMs).unref()
  }

  find(requestId: string): RequestRecord | undefined | Promise<RequestRecord | undefined> {
    checkName('requestId', requestId)
    const waiting = this.#waiting.findLast((record) => record.requestId === requestId)
    if (waiting !== undefined) return structuredClone(waiting)
    return this.#connection.read(() => {
      const row = this.#find.get(requestId)
      if (row === undefined) return undefined
      const record: RequestRecord = JSON.parse(text(row, 'record'))
      return record
    })
  }

  /** Writes everything that waits. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#writeSlice()
      if (this.#failing) return
    }
  }

  /** Writes what waits, and takes nothing more in. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    this.#waiting = []
  }

  #turn(): void {
    this.#next = this.#waiting.length === 0 ? undefined : this.#writeSlice()
    if (this.#next === undefined) this.#goOn()
    else void this.#next.then(() => this.#goOn())
  }

  /** Writes the rest in turns of the event loop of their own, or tries again when that failed. */
  #goOn(): void {
    this.#next = undefined
    if (this.#waiting.length === 0) return
    this.#next = this.#failing
      ? setTimeout(() => this.#turn(), 20 * pauseMs).unref()
      : setImmediate(() => this.#turn())
  }

  /** A promise only when another process was writing. Never fails. */
  #writeSlice(): Promise<void> | undefined {
    const slice = this.#waiting.slice(0, sliceLength)
    const written = (): void => {
      this.#failing = false
      this.#waiting = this.#waiting.filter((record) => !slice.includes(record))
    }
    const failed = (error: unknown): void => {
      const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
      if (!this.#failing) this.#warn(`The request log is not written: ${String(cause)}`)
      this.#failing = true
    }
    try {
      const writing = this.#connection.write(() => this.#write(slice))
      if (isPromise(writing)) return writing.then(written, failed)
      written()
    } catch (error) {
      failed(error)
    }
    return undefined
  }

  #write(slice: readonly RequestRecord[]): void {
    for (const record of slice) this.#insert.run(record.requestId, JSON.stringify(record))
    this.#forget.run(this.#kept)
  }
}
