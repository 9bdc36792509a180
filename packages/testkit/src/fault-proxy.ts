import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** What a proxy stands before. */
export interface FaultProxyTarget {
  readonly port: number
  /** `127.0.0.1` unless given. */
  readonly host?: string | undefined
}

/** A TCP proxy that fails as it is told. What it is told counts for connections that are open, too. */
export interface FaultProxy {
  readonly port: number
  /** How many connections are open. */
  readonly open: number
  /** How many there have been. */
  readonly accepted: number
  /** Hands on everything at once. Listens again after `refuse()`, and lets go what was held up. */
  pass(): Promise<void>
  /** Refuses connections. Those that are open stay as they are. */
  refuse(): Promise<void>
  /** Accepts connections and hands nothing on, until it is told otherwise. */
  hang(): void
  /** Hands on everything so many milliseconds late, each way. */
  delay(ms: number): void
  /** Hands on so many bytes a second, each way of each connection. */
  throttle(bytesPerSecond: number): void
  /** Ends each connection once so many more bytes of answers have been handed on by it. */
  cutAfter(bytes: number): void
  /** Resets all connections that are open. */
  reset(): void
  /** Stands before another server from now on, and resets all connections to the one before. */
  switchTo(target: FaultProxyTarget): void
  /** Ends all connections and stops listening. */
  close(): Promise<void>
}

type Mode =
  | { readonly kind: 'pass' | 'hang' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  | { readonly kind: 'cut'; readonly bytes: number }

/**
 * Starts a proxy on a free port of this machine.
 *
 * @example
 * ```ts
 * const proxy = await startFaultProxy({ port: redis.port })
 * proxy.hang()
 * ```
 */
export async function startFaultProxy(first: FaultProxyTarget): Promise<FaultProxy> {
  const links = new Set<Link>()
  let target = first
  let accepted = 0
  let mode: Mode = { kind: 'pass' }

  function accept(client: Socket): void {
    accepted++
    const { port, host = '127.0.0.1' } = target
    const upstream = connect({ port, host })
    const link = new Link(client, upstream, mode, () => void links.delete(link))
    links.add(link)
  }

  function change(next: Mode): void {
    mode = next
    for (const link of links) link.change(next)
  }

  function reset(): void {
    for (const link of links) link.reset()
  }

  let server = await listen(accept, 0)
  const ownPort = portOf(server)
  return {
    port: ownPort,
    get open() {
      return links.size
    },
    get accepted() {
      return accepted
    },
    async pass() {
      if (!server.listening) server = await listen(accept, ownPort)
      change({ kind: 'pass' })
    },
    async refuse() {
      await stop(server)
    },
    hang: () => change({ kind: 'hang' }),
    delay: (ms) => change({ kind: 'delay', ms }),
    throttle: (bytesPerSecond) => change({ kind: 'throttle', bytesPerSecond }),
    cutAfter: (bytes) => change({ kind: 'cut', bytes }),
    reset,
    switchTo(next) {
      target = next
      reset()
    },
    async close() {
      for (const link of links) link.destroy()
      await stop(server)
    },
  }
}

async function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, accept)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Stops listening at once. The server's `close` event would wait for its connections. */
async function stop(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  await new Promise((resolve) => void setImmediate(resolve))
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return address.port
}

/** A connection and its other half. */
class Link {
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #ways: readonly Way[]

  constructor(client: Socket, upstream: Socket, mode: Mode, closed: () => void) {
    this.#client = client
    this.#upstream = upstream
    const cut = (): void => this.destroy()
    this.#ways = [new Way(client, upstream, false, cut), new Way(upstream, client, true, cut)]
    this.change(mode)
    for (const socket of [client, upstream]) {
      // What goes wrong on one side is seen on the other as its end.
      socket.on('error', () => this.destroy())
      socket.on('close', () => {
        if (client.destroyed && upstream.destroyed) closed()
        else this.destroy()
      })
    }
  }

  change(mode: Mode): void {
    for (const way of this.#ways) way.change(mode)
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#upstream.resetAndDestroy()
  }

  destroy(): void {
    for (const way of this.#ways) way.stop()
    this.#client.destroy()
    this.#upstream.destroy()
  }
}

/** How often a throttled way hands on its share, in milliseconds. */
const shareMs = 10

interface Piece {
  /** Undefined: the end. */
  readonly bytes: Buffer | undefined
  readonly arrivedMs: number
}

/** What one side sends to the other. */
class Way {
  readonly #to: Socket
  readonly #isAnswers: boolean
  readonly #cut: () => void
  readonly #pieces: Piece[] = []
  #mode: Mode = { kind: 'pass' }
  #bytesLeft = Infinity
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, isAnswers: boolean, cut: () => void) {
    this.#to = to
    this.#isAnswers = isAnswers
    this.#cut = cut
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => this.#take(undefined))
  }

  change(mode: Mode): void {
    this.#mode = mode
    this.#bytesLeft = mode.kind === 'cut' && this.#isAnswers ? mode.bytes : Infinity
    this.stop()
    this.#handOn()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #take(bytes: Buffer | undefined): void {
    this.#pieces.push({ bytes, arrivedMs: performance.now() })
    if (this.#timer === undefined) this.#handOn()
  }

  /** Hands on what may go now, and comes back for the rest. */
  #handOn(): void {
    const mode = this.#mode
    if (mode.kind === 'hang') return
    if (mode.kind === 'throttle') {
      this.#handOnShare(Math.max(1, Math.round((mode.bytesPerSecond * shareMs) / 1_000)))
      return
    }
    for (;;) {
      const piece = this.#pieces[0]
      if (piece === undefined) return
      const waitMs = mode.kind === 'delay' ? piece.arrivedMs + mode.ms - performance.now() : 0
      if (waitMs > 0) {
        this.#later(waitMs)
        return
      }
      this.#pieces.shift()
      this.#send(piece.bytes)
    }
  }

  #handOnShare(most: number): void {
    const piece = this.#pieces.shift()
    if (piece === undefined) return
    const { bytes } = piece
    if (bytes !== undefined && bytes.length > most) {
      this.#pieces.unshift({ ...piece, bytes: bytes.subarray(most) })
    }
    this.#send(bytes?.subarray(0, most))
    this.#later(shareMs)
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#handOn()
    }, ms)
  }

  #send(bytes: Buffer | undefined): void {
    if (this.#to.destroyed) return
    if (bytes === undefined) {
      this.#to.end()
      return
    }
    if (bytes.length < this.#bytesLeft) {
      this.#bytesLeft -= bytes.length
      this.#to.write(bytes)
      return
    }
    const last = bytes.subarray(0, this.#bytesLeft)
    this.#bytesLeft = Infinity
    this.stop()
    // Once the last of it is on its way; destroyed at once, it would be lost.
    this.#to.end(last, () => this.#cut())
  }
}
