import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { RequestReader, type RecordedRequest } from './request-reader.js'
import { selfSigned } from './self-signed.js'

/** What an upstream does with a request: bytes it answers with, or what it does step by step. */
export type UpstreamStep = string | Uint8Array | ((call: UpstreamCall) => void | Promise<void>)

/** A request that is being answered. Every byte of the answer is the script's. */
export interface UpstreamCall {
  readonly request: RecordedRequest
  /** All that was written to the connection so far, in bytes, what is still waiting included. */
  readonly bytesSent: number
  /** Whether the caller has gone. */
  readonly isGone: boolean
  /** Fulfilled when the connection is closed, by whomever. */
  readonly gone: Promise<void>
  /** Sends bytes. Fulfilled when there is room for more, or the caller has gone. */
  write(bytes: string | Uint8Array): Promise<void>
  /** Ends the connection in order. */
  end(): void
  /** Resets the connection. What was written and has not arrived yet may be lost. */
  reset(): void
}

/** An upstream that does what a test tells it, byte by byte. */
export interface ScriptedUpstream {
  readonly port: number
  /** `http://127.0.0.1:<port>`, or `https://localhost:<port>`. */
  readonly url: string
  /** What has arrived, whole, in its order. */
  readonly requests: readonly RecordedRequest[]
  /** How many connections are open. */
  readonly open: number
  /** How many there have been. */
  readonly accepted: number
  /** One step for each request from now on; the last one serves all that come after it. */
  script(...steps: readonly UpstreamStep[]): void
  /** Stops listening, so that the next connection is refused. Those that are open stay. */
  refuse(): Promise<void>
  /**
   * Ends all connections and stops listening.
   *
   * @throws what a step of the script threw
   */
  close(): Promise<void>
}

/**
 * Starts an upstream on a free port of this machine. Until it has a script it reads requests and says
 * nothing.
 *
 * @param options `tls`: with the certificate in `selfSigned`
 * @example
 * ```ts
 * const upstream = await startScriptedUpstream()
 * upstream.script(
 *   json({ error: {} }, { status: 500 }),
 *   async (call) => {
 *     await call.write(sseHead())
 *     await call.write(chunk('data: {"half'))
 *     call.reset()
 *   },
 * )
 * ```
 */
export async function startScriptedUpstream(
  options: { readonly tls?: boolean } = {},
): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>()
  const requests: RecordedRequest[] = []
  const mistakes: unknown[] = []
  let steps: readonly UpstreamStep[] = []
  let next = 0
  let accepted = 0

  async function serve(call: UpstreamCall): Promise<void> {
    const step = steps[Math.min(next++, steps.length - 1)]
    if (step === undefined) return
    try {
      await (typeof step === 'function' ? step(call) : call.write(step))
    } catch (error) {
      mistakes.push(error)
    }
  }

  function accept(connection: Socket): void {
    accepted++
    sockets.add(connection)
    const reader = new RequestReader()
    const socket = options.tls === true ? withTls(connection) : connection
    const gone = new Promise<void>((resolve) => void connection.once('close', () => resolve()))
    // What a test does to its connections is seen in their end.
    connection.on('error', () => {})
    socket.on('error', () => {})
    connection.once('close', () => sockets.delete(connection))
    socket.on('data', (bytes: Buffer) => {
      for (const request of reader.push(bytes)) {
        requests.push(request)
        void serve(new Call(request, { connection, socket, gone }))
      }
    })
  }

  const server = createServer({ noDelay: true }, accept)
  const port = await listen(server)
  return {
    port,
    url: options.tls === true ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    get open() {
      return sockets.size
    },
    get accepted() {
      return accepted
    },
    script(...given) {
      steps = given
      next = 0
    },
    async refuse() {
      server.close()
      await new Promise((resolve) => void setImmediate(resolve))
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) {
        server.close()
        await once(server, 'close')
      }
      if (mistakes.length > 0) throw mistakes[0]
    },
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port')
  return address.port
}

function withTls(connection: Socket): TLSSocket {
  const { certificate: cert, key } = selfSigned
  return new TLSSocket(connection, { isServer: true, cert, key })
}

/** A connection, and what is written to and read from in it. */
interface Link {
  readonly connection: Socket
  readonly socket: Socket
  readonly gone: Promise<void>
}

class Call implements UpstreamCall {
  readonly request: RecordedRequest
  readonly #link: Link

  constructor(request: RecordedRequest, link: Link) {
    this.request = request
    this.#link = link
  }

  get isGone(): boolean {
    return this.#link.connection.destroyed
  }

  get gone(): Promise<void> {
    return this.#link.gone
  }

  get bytesSent(): number {
    return this.#link.connection.bytesWritten
  }

  async write(bytes: string | Uint8Array): Promise<void> {
    const { socket, gone } = this.#link
    if (this.isGone || socket.write(bytes)) return
    // Not `once`, which is rejected by the error of a connection that is reset.
    const room = new Promise<void>((resolve) => void socket.once('drain', () => resolve()))
    await Promise.race([room, gone])
  }

  end(): void {
    this.#link.socket.end()
  }

  reset(): void {
    this.#link.connection.resetAndDestroy()
  }
}
