/** A result of pg, as far as it is used. */
export interface PostgresResult {
  readonly rows: unknown[]
}

/** A connection that `pool.connect()` of pg gives. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  /** @param error when given, the connection is closed instead of being used again */
  release(error?: Error): void
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

/** A pool of connections: `new Pool({ … })` of pg. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  connect(): Promise<PostgresClient>
  /** How to connect, for the one connection that listens and is none of the pool's. */
  readonly options: object
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}
