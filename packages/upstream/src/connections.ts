import { Socket } from 'node:net'
import { buildConnector, Client, type Dispatcher } from 'undici'

/** Longest head of an answer, in bytes. */
const longestHeadBytes = 64 * 1_024

/** What is read ahead of a client that is slow, in bytes for each connection. */
const readAheadBytes = 16 * 1_024

/**
 * How long a connection may take to be made, in milliseconds. The timers of calls decide; this one is
 * behind them, and longer than the longest anybody waits.
 */
const longestConnectMs = 120_000

/**
 * Where all connections read into. What has arrived is copied out of it at once: by itself Node reads 64
 * kB at a time, and three such pieces were held for every client that is slow.
 */
const readInto = Buffer.allocUnsafeSlow(readAheadBytes)

function pushRead(this: Socket, length: number): boolean {
  // Not of Node's pool, all of which the smallest piece of it would keep.
  const bytes = Buffer.allocUnsafeSlow(length)
  readInto.copy(bytes, 0, 0, length)
  return this.push(bytes)
}

// All but the last option are of net.connect(), and undici's types do not know them.
const connectOptions = {
  highWaterMark: readAheadBytes,
  onread: { buffer: readInto, callback: pushRead },
  timeout: longestConnectMs,
}

/** A connection to an upstream, made with its first request. */
export class Connection {
  /** Whether it has served a request before. */
  isReused = false
  readonly #client: Client
  #dialled: Socket | undefined

  constructor(origin: string, connect: buildConnector.connector) {
    this.#client = new Client(origin, {
      connect: (options, callback) => {
        const socket: unknown = connect(options, callback)
        if (socket instanceof Socket) this.#dialled = socket
      },
      maxHeaderSize: longestHeadBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** Sends a request; the one before must be over. */
  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler)
  }

  /** Calls back whenever the upstream, or its idleness, has ended it. */
  onEnd(callback: () => void): void {
    this.#client.on('disconnect', callback)
  }

  /**
   * Ends it at once, also while it is being made. Its request is told, and not sent again: to abort a
   * request in undici's own way makes a new connection for nothing.
   */
  destroy(reason: Error): void {
    void this.#client.destroy(reason)
    // Of a connection that is only being made undici would wait for the end.
    this.#dialled?.destroy(reason)
  }

  /** Ends it when its request is over. */
  close(): Promise<void> {
    return this.#client.close()
  }
}

/** The connections to one upstream. Those that are idle are kept for the next requests. */
export class Connections {
  readonly #origin: string
  readonly #connect = buildConnector(connectOptions)
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  #isClosed = false

  /** @param origin scheme, host and port */
  constructor(origin: string) {
    this.#origin = origin
  }

  /**
   * A connection for one request; undefined after `close()`.
   *
   * @param isFresh whether it must be one that has served no request yet
   */
  take(isFresh: boolean): Connection | undefined {
    if (this.#isClosed) return undefined
    return (isFresh ? undefined : this.#idle.pop()) ?? this.#make()
  }

  /** Its request is over, and its answer was read to the end. */
  release(connection: Connection): void {
    if (!this.#all.has(connection)) return
    connection.isReused = true
    this.#idle.push(connection)
  }

  /** Its request is over, and the rest of the answer is not wanted. */
  destroy(connection: Connection, reason: Error): void {
    this.#all.delete(connection)
    connection.destroy(reason)
  }

  /** Ends those that are idle, and the others when their requests are over. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((connection) => connection.close()))
  }

  #make(): Connection {
    const connection = new Connection(this.#origin, this.#connect)
    this.#all.add(connection)
    connection.onEnd(() => {
      const index = this.#idle.indexOf(connection)
      if (index === -1) return
      this.#idle.splice(index, 1)
      this.#all.delete(connection)
    })
    return connection
  }
}
