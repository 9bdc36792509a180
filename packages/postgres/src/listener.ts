import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

const shortestPauseMs = 100
const longestPauseMs = 2_000
/** How often an idle connection is tried: one that a firewall has dropped says nothing. */
const beatMs = 5_000
/** How long the server may take to answer. */
const answerMs = 5_000

/**
 * A connection that listens on a channel, and is made again whenever it is lost. It holds no process
 * open.
 */
export class Listener {
  readonly #options: object
  readonly #channel: string
  readonly #heard: (payload: string | undefined) => void
  readonly #stopped = new AbortController()
  #pauseMs = shortestPauseMs

  /**
   * Begins to listen.
   *
   * @param options how to connect
   * @param heard gets what is told on the channel; undefined each time it begins to listen, for
   *   nobody knows what was told before
   */
  constructor(options: object, channel: string, heard: (payload: string | undefined) => void) {
    this.#options = options
    this.#channel = channel
    this.#heard = heard
    void this.#run()
  }

  /** Ends the connection; nothing is heard any more. */
  stop(): void {
    this.#stopped.abort()
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#listen().catch(() => {
        // Whatever it was, the connection is made again.
      })
      await this.#pause(this.#pauseMs)
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs)
    }
  }

  /** Listens until the connection is lost. */
  async #listen(): Promise<void> {
    const client = new Client(this.#options)
    const destroy = (): void => void client.connection.stream.destroy()
    const lost = new Promise<'lost'>((resolve) => {
      client.once('end', () => resolve('lost'))
      // Without a listener, an error would end the process.
      client.on('error', () => resolve('lost'))
    })
    this.#stopped.signal.addEventListener('abort', destroy)
    try {
      await answered(client.connect())
      unref(client.connection.stream)
      client.on('notification', ({ payload }) => this.#hear(payload))
      await answered(client.query(`LISTEN "${this.#channel}"`))
      this.#pauseMs = shortestPauseMs
      this.#hear(undefined)
      while ((await Promise.race([lost, this.#pause(beatMs)])) !== 'lost') {
        await answered(client.query('SELECT 1'))
      }
    } finally {
      this.#stopped.signal.removeEventListener('abort', destroy)
      destroy()
    }
  }

  #hear(payload: string | undefined): void {
    if (!this.#stopped.signal.aborted) this.#heard(payload)
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopped
    await delay(ms, undefined, { ref: false, signal }).catch(() => {
      // It was stopped.
    })
  }
}

/** @throws Error when there is no answer in time */
async function answered(answer: Promise<unknown>): Promise<void> {
  const timeout = new AbortController()
  const tooLate = delay(answerMs, undefined, { ref: false, signal: timeout.signal }).then(() => {
    throw new Error('the database does not answer')
  })
  try {
    await Promise.race([answer, tooLate])
  } finally {
    tooLate.catch(() => {})
    timeout.abort()
  }
}

function unref(stream: object): void {
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
}
