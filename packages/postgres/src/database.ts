import { GatewayError, type Condition } from '@lazu/core'
import type { PostgresPool } from './pool.js'
import { rowOf, type Row } from './rows.js'

/** The two times a ledger goes by, in milliseconds; in production they are the database's. */
export interface StoreTimes {
  /** Never goes back, whoever sets a clock. */
  monotonicMs(): number
  /** Since 1970. */
  wallMs(): number
}

/** A schema of a database, and its statements. */
export class Database {
  /** The schema's name, quoted as SQL has it. */
  readonly schema: string
  readonly #pool: PostgresPool
  readonly #times: StoreTimes | undefined

  /** @param times in place of the database's clock */
  constructor(pool: PostgresPool, schema: string, times: StoreTimes | undefined) {
    this.schema = `"${schema}"`
    this.#pool = pool
    this.#times = times
  }

  /**
   * Runs a statement that changes nothing.
   *
   * @throws GatewayError `store_read_failed` with pg's error inside
   */
  read(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#run('store_read_failed', sql, values)
  }

  /**
   * Runs a statement, which is a transaction of its own.
   *
   * @throws GatewayError `store_write_failed` with pg's error inside
   */
  write(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.#run('store_write_failed', sql, values)
  }

  /** The time, for a parameter: `null` leaves it to the database. */
  nowMs(): number | null {
    return this.#times === undefined ? null : Math.floor(this.#times.monotonicMs())
  }

  /** The wall time, for a parameter: `null` leaves it to the database. */
  wallMs(): number | null {
    return this.#times === undefined ? null : Math.floor(this.#times.wallMs())
  }

  // The statements have no name that would have them prepared for the next time: nearly all are a
  // call of a function, whose plans PostgreSQL keeps for each connection by itself. So they go
  // through any pooler between here and there, and a migration while they run breaks none.
  async #run(condition: Condition, sql: string, values: unknown[]): Promise<Row[]> {
    try {
      const { rows } = await this.#pool.query(sql, values)
      return rows.map(rowOf)
    } catch (error) {
      throw new GatewayError(condition, { cause: error })
    }
  }
}
