import type { RequestRecord } from '@lazu/core'
import { checkName } from '../arguments.js'
import type { SqliteRequestLog } from '../store-parts.js'
import type { StoreThread } from './store-thread.js'

/** How far behind the thread may be; what comes then is not recorded. */
const mostPending = 10_000

/** The request log of a store that is in a thread of its own. */
export class ThreadRequestLog implements SqliteRequestLog {
  readonly #thread: StoreThread

  constructor(thread: StoreThread) {
    this.#thread = thread
  }

  record(record: RequestRecord): void {
    if (this.#thread.isClosed || this.#thread.pending >= mostPending) return
    // A thread that dies takes the newest records with it, as a process does.
    this.#thread.ask('record', record).catch(() => {})
  }

  find(requestId: string): Promise<RequestRecord | undefined> {
    checkName('requestId', requestId)
    return this.#thread.ask('find', requestId)
  }

  async flush(): Promise<void> {
    // Closing writes everything, too.
    if (!this.#thread.isClosed) await this.#thread.ask('flush')
  }
}
