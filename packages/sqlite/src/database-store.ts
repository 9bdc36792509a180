import type { KeyStore } from '@lazu/core'
import type { Connection } from './connection.js'
import { DatabaseKeyStore } from './database-key-store.js'
import { DatabaseLedger } from './database-ledger.js'
import { DatabaseRequestLog } from './database-request-log.js'
import type { StoreClock } from './store-clock.js'
import type { SqliteLedger } from './store-parts.js'

/** A store on a database of this thread, which stays open when the store is closed. */
export class DatabaseStore {
  readonly keys: KeyStore
  readonly ledger: SqliteLedger
  readonly requestLog: DatabaseRequestLog
  readonly #connection: Connection

  /**
   * @param keptRequests how many requests the log keeps
   * @param warn is told when the log begins to lose records
   */
  constructor(
    connection: Connection,
    clock: StoreClock,
    keptRequests: number,
    warn: (message: string) => void,
  ) {
    this.#connection = connection
    this.keys = new DatabaseKeyStore(connection)
    this.ledger = new DatabaseLedger(connection, clock)
    this.requestLog = new DatabaseRequestLog(connection, keptRequests, warn)
  }

  /** Lets what waits for another process end, and writes the rest of the request log. */
  async close(): Promise<void> {
    await this.requestLog.close()
    await this.#connection.end()
  }
}
