import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { RunningApp } from '../harness.js'
import { until } from './waiting.js'

/** A client that speaks HTTP by hand, for what a good client would not send. */
export class RawClient {
  readonly #socket: Socket
  #received = ''
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => (this.#received += text))
    socket.on('close', () => (this.#closed = true))
    // A server that has answered may close while we still write.
    socket.on('error', () => {})
  }

  static async connect(server: RunningApp): Promise<RawClient> {
    const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** All that came so far. */
  get received(): string {
    return this.#received
  }

  /** Whether the connection is closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** Sends lines, each with its CRLF, the last of them followed by an empty one. */
  sendHead(...lines: string[]): void {
    this.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  send(text: string): void {
    this.#socket.write(text)
  }

  /** Sends, and gives the server its turn; false when the connection is closed. */
  async push(bytes: Buffer): Promise<boolean> {
    if (this.#socket.destroyed) return false
    await new Promise((resolve) => void this.#socket.write(bytes, resolve))
    await new Promise((resolve) => void setImmediate(resolve))
    return !this.#socket.destroyed
  }

  /** Takes nothing more from the connection. */
  stopReading(): void {
    this.#socket.pause()
  }

  /** Waits for a text. */
  async untilReceived(text: string): Promise<void> {
    await until(`the server sent ${JSON.stringify(text)}`, () => this.#received.includes(text))
  }

  async untilClosed(): Promise<void> {
    await until('the server closed the connection', () => this.#closed)
  }

  /** Leaves without a word. */
  leave(): void {
    this.#socket.destroy()
  }
}
