import type { KeyStore } from '@lazu/core'
import type { Synchronous } from '../open-database.js'
import type { SqliteLedger, SqliteRequestLog } from '../store-parts.js'
import type { CrossedError } from './crossed-error.js'

/** What a thread needs to open a file that was checked before. */
export interface ThreadSettings {
  /** Absolute. */
  readonly path: string
  readonly synchronous: Synchronous
  readonly busyTimeoutMs: number
  readonly keptRequests: number
  /** The `offsetMs` of the file's StoreClock. */
  readonly clockOffsetMs: number
  /** Whether each call brings the times it is made at. */
  readonly isClockGiven: boolean
  /** The memory of the Gate. */
  readonly gate: SharedArrayBuffer
}

/** What a thread can be asked for: the methods of the parts of a store, which all have other names. */
export type Methods = Required<Omit<KeyStore, 'deadlineMs' | 'watch'>> &
  Required<Omit<SqliteLedger, 'deadlineMs'>> &
  SqliteRequestLog & {
    /** Ends what waits, and closes the file. The thread is over then. */
    close(): Promise<void>
  }

export type MethodName = keyof Methods
export type ArgumentsOf<Name extends MethodName> = Parameters<Methods[Name]>
export type AnswerOf<Name extends MethodName> = Awaited<ReturnType<Methods[Name]>>

/**
 * A call. An argument that is undefined arrives as null.
 *
 * Messages are JSON: a text is copied to the other thread for a third of what an object costs both.
 */
export type Call<Name extends MethodName = MethodName> = {
  [Each in Name]: readonly [
    id: number,
    method: Each,
    args: ArgumentsOf<Each>,
    monotonicMs?: number,
    wallMs?: number,
  ]
}[Name]

/** An answer. The value is `never`, as only whoever asked knows what it is; undefined is left out. */
export type Answer = readonly [id: number, value: never, error?: CrossedError]

/** What comes from a thread: the answers to several calls, as JSON, or a warning for people. */
export type FromThread = string | { readonly warning: string }

const readFailed = 'store_read_failed'
const writeFailed = 'store_write_failed'

/** What a call is refused with that the thread cannot do. */
export const failureOf: Readonly<Record<MethodName, typeof readFailed | typeof writeFailed>> = {
  findByDigest: readFailed,
  get: readFailed,
  insert: writeFailed,
  replace: writeFailed,
  list: readFailed,
  reserve: writeFailed,
  settle: writeFailed,
  release: writeFailed,
  extend: writeFailed,
  balance: readFailed,
  credit: writeFailed,
  createAccount: writeFailed,
  accounts: readFailed,
  usage: readFailed,
  movements: readFailed,
  compact: writeFailed,
  record: writeFailed,
  find: readFailed,
  flush: writeFailed,
  close: writeFailed,
}
