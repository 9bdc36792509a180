import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A response as it came, head and body. */
export interface Answer {
  readonly status: number
  /** By their names in lower case; several of one name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A connection that sends the very bytes it is given, also those no HTTP client would send. */
export class RawConnection {
  readonly #socket: Socket
  readonly #answers: Answer[] = []
  #received = Buffer.alloc(0)
  #closed = false
  #changed: () => void = () => undefined

  constructor(port: number, localAddress?: string) {
    this.#socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) })
    this.#socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data])
      this.#parse()
      this.#changed()
    })
    // A server that has answered may reset the connection over what it did not read.
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.#closed = true
      this.#changed()
    })
  }

  /** Text is sent as latin-1: a character, a byte. */
  write(data: string | Buffer): void {
    this.#socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
  }

  /** Waits until so many responses have come (100 Continue is one), or the connection has ended. */
  async answers(count: number): Promise<readonly Answer[]> {
    while (this.#answers.length < count && !this.#closed) {
      await new Promise<void>((resolve) => (this.#changed = resolve))
    }
    return this.#answers
  }

  /** Waits until the server has closed the connection. Returns every response. */
  closedByServer(): Promise<readonly Answer[]> {
    return this.answers(Infinity)
  }

  /** Whatever came that is not a whole response. */
  get rest(): string {
    return this.#received.toString('latin1')
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#socket.destroy()
    await once(this.#socket, 'close')
  }

  #parse(): void {
    for (;;) {
      const headEnd = this.#received.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const lines = this.#received.subarray(0, headEnd).toString('latin1').split('\r\n')
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(lines[0] ?? '')?.[1])
      const headers: Record<string, string> = {}
      for (const line of lines.slice(1)) {
        const colon = line.indexOf(':')
        const name = line.slice(0, colon).toLowerCase()
        const value = line.slice(colon + 1).trim()
        headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
      }
      const bodyEnd = headEnd + 4 + Number(headers['content-length'] ?? 0)
      if (this.#received.length < bodyEnd) return
      const body = this.#received.subarray(headEnd + 4, bodyEnd).toString()
      this.#received = this.#received.subarray(bodyEnd)
      this.#answers.push({ status, headers, body })
    }
  }
}
