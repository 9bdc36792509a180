import { setTimeout as delay } from 'node:timers/promises'
import type { RequestLog, RequestRecord } from '@lazu/core'
import type { Database } from './database.js'
import { text } from './rows.js'
import { encodeText } from './text.js'

/** How long records are gathered before they are written. */
const pauseMs = 50
/** How long after a failure it is tried again. */
const retryMs = 1_000
/** How long closing waits for a database that does not answer. */
const closingMs = 2_000
/** What one statement writes. */
const sliceLength = 500
/** What waits to be written at most; what comes then is not recorded. */
const mostWaiting = 10_000

/**
 * What became of the newest requests, in PostgreSQL. Records are gathered and written a moment
 * later, many at a time: a process that is killed takes those of its last moment with it.
 */
export class PostgresRequestLog implements RequestLog {
  readonly #database: Database
  readonly #kept: number
  /** In the order they came; the first ones are being written. */
  #waiting: RequestRecord[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #failing = false
  #closed = false

  /**
   * Made by `postgresStore`.
   *
   * @param kept how many of the newest are kept
   */
  constructor(database: Database, kept: number) {
    this.#database = database
    this.#kept = kept
  }

  record(record: RequestRecord): void {
    if (this.#closed || this.#waiting.length >= mostWaiting) return
    this.#waiting.push(record)
    if (this.#writing === undefined) this.#writeIn(pauseMs)
  }

  async find(requestId: string): Promise<RequestRecord | undefined> {
    const waiting = this.#waiting.findLast((record) => record.requestId === requestId)
    if (waiting !== undefined) return structuredClone(waiting)
    const [row] = await this.#database.read(
      `SELECT record FROM ${this.#database.schema}.requests WHERE request_id = $1`,
      encodeText(requestId),
    )
    if (row === undefined) return undefined
    const record: RequestRecord = JSON.parse(text(row, 'record'))
    return record
  }

  /** Writes everything that waits, or gives up when that fails. Never throws. */
  async flush(): Promise<void> {
    await this.#writing
    while (this.#waiting.length > 0) {
      await this.#write()
      if (this.#failing) return
    }
  }

  /** Writes what waits, for two seconds at most, and takes nothing more in. */
  async close(): Promise<void> {
    this.#closed = true
    const enough = new AbortController()
    await Promise.race([
      this.flush(),
      delay(closingMs, undefined, { signal: enough.signal }).catch(() => {}),
    ])
    enough.abort()
    this.#waiting = []
    clearTimeout(this.#timer)
  }

  #writeIn(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#write()
    }, delayMs).unref()
  }

  /** Writes the first records, unless somebody is at it. Never fails. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeSlice()
    return this.#writing
  }

  async #writeSlice(): Promise<void> {
    const slice = this.#waiting.slice(0, sliceLength)
    try {
      await this.#insert(slice)
      this.#waiting.splice(0, slice.length)
      this.#failing = false
      await this.#forget()
    } catch (error) {
      const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
      if (!this.#failing) process.emitWarning(`The request log is not written: ${String(cause)}`)
      this.#failing = true
    }
    this.#writing = undefined
    if (this.#waiting.length > 0 && !this.#closed) this.#writeIn(this.#failing ? retryMs : 0)
  }

  async #insert(slice: readonly RequestRecord[]): Promise<void> {
    // One statement cannot write a row twice; of two with one id the later one counts.
    const records = new Map<string, RequestRecord>()
    for (const record of slice) {
      const id = encodeText(record.requestId)
      records.delete(id)
      records.set(id, record)
    }
    await this.#database.write(
      `INSERT INTO ${this.#database.schema}.requests (request_id, record)
        SELECT id, record
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS records (id, record, place)
        ORDER BY place
        ON CONFLICT (request_id) DO UPDATE SET number = excluded.number, record = excluded.record`,
      [...records.keys()],
      Array.from(records.values(), (record) => encodeText(JSON.stringify(record))),
    )
  }

  /** Deletes old records: more than were added, so that it catches up with whatever there is. */
  async #forget(): Promise<void> {
    const { schema } = this.#database
    await this.#database.write(
      `DELETE FROM ${schema}.requests WHERE number = ANY (ARRAY(
        SELECT number FROM ${schema}.requests
        WHERE number <= (SELECT max(number) FROM ${schema}.requests) - $1::bigint
        ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED))`,
      this.#kept,
      2 * sliceLength,
    )
  }
}
