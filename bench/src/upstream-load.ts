// An upstream and its clients in one process: each stream gets its next chunk when its client has got
// the last one, so that a chunk is never one of several that were read together.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { chunk, lastChunk, sseEvent, sseHead } from '@lazu/testkit'
import { percentile } from './statistics.js'

/** What is asked for: streams that begin, a measurement while they run, and their end. */
export type StreamOrder =
  { readonly begin: number; readonly port: number } | { readonly measureSeconds: number } | 'end'

const told = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' }
const word = { index: 0, delta: { content: ' word' }, finish_reason: null }
const stop = { index: 0, delta: {}, finish_reason: 'stop' }
const frame = chunk(sseEvent({ data: { ...told, choices: [word] } }))
const first = Buffer.concat([Buffer.from(sseHead()), frame])
const rest = Buffer.concat([
  chunk(sseEvent({ data: { ...told, choices: [stop] } })),
  chunk(sseEvent('[DONE]')),
  Buffer.from(lastChunk),
])

/** Microseconds from sending a chunk until it has arrived, and from a request to its first chunk. */
let times: number[] = []
let firstTimes: number[] = []

/** A client's stream, and the upstream's end of it. */
class Stream {
  readonly #client: Socket
  #upstream: Socket | undefined
  #sentAt = performance.now()
  #isBegun = false
  #isEnding = false
  #frames = 0
  #begun: () => void = () => {}
  /** Fulfilled when the first chunk has arrived. */
  readonly begun = new Promise<void>((resolve) => {
    this.#begun = resolve
  })
  /** Bytes of the body that have arrived, in the chunked coding. */
  #bytes = 0

  constructor(port: number, id: number) {
    this.#client = connect({ port, host: '127.0.0.1', noDelay: true })
    const body = JSON.stringify({ model: 'm', messages: [], stream: true, user: String(id) })
    const lines = [
      'POST /v1/chat/completions HTTP/1.1',
      'host: bench',
      'connection: close',
      'content-type: application/json',
      `content-length: ${body.length}`,
    ]
    this.#client.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
    this.#client.on('data', (bytes: Buffer) => {
      if (this.#isBegun) this.#received(bytes.length)
      else this.#begin(bytes)
    })
  }

  /** The request has reached the upstream. */
  serve(upstream: Socket): void {
    this.#upstream = upstream
    upstream.write(first)
  }

  /** No more chunks than the one on its way. Fulfilled when the stream is over. */
  async end(): Promise<void> {
    this.#isEnding = true
    if (!this.#client.closed) await once(this.#client, 'close')
    if (this.#bytes !== this.#frames * frame.length + rest.length) {
      throw new Error(`a stream of ${this.#frames} chunks had ${this.#bytes} bytes`)
    }
  }

  #begin(bytes: Buffer): void {
    const head = bytes.indexOf('\r\n\r\n')
    if (!bytes.subarray(0, 13).equals(Buffer.from('HTTP/1.1 200 ')) || head === -1) {
      throw new Error(`not what was expected: ${bytes.toString()}`)
    }
    this.#isBegun = true
    firstTimes.push((performance.now() - this.#sentAt) * 1_000)
    this.#sentAt = Number.NaN
    this.#begun()
    this.#received(bytes.length - head - 4)
  }

  #received(length: number): void {
    this.#bytes += length
    if (this.#bytes !== (this.#frames + 1) * frame.length) return
    const now = performance.now()
    this.#frames++
    if (!Number.isNaN(this.#sentAt)) times.push((now - this.#sentAt) * 1_000)
    this.#sentAt = now
    this.#upstream?.write(this.#isEnding ? rest : frame)
  }
}

let streams: readonly Stream[] = []
const upstream = createServer({ noDelay: true }, (socket) => {
  let request = ''
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    request += bytes.toString('latin1')
    const [, id] = /"user":"(\d+)".*\}$/.exec(request) ?? []
    if (id === undefined) return
    request = ''
    streams[Number(id)]?.serve(socket)
  })
})

async function obey(order: StreamOrder): Promise<object> {
  if (order === 'end') {
    await Promise.all(streams.map((stream) => stream.end()))
    return {}
  }
  if ('begin' in order) {
    firstTimes = []
    streams = Array.from({ length: order.begin }, (_, id) => new Stream(order.port, id))
    await Promise.all(streams.map((stream) => stream.begun))
    return { p50Micros: percentile(firstTimes, 0.5), p99Micros: percentile(firstTimes, 0.99) }
  }
  times = []
  const started = performance.now()
  await new Promise((resolve) => setTimeout(resolve, order.measureSeconds * 1_000))
  const seconds = (performance.now() - started) / 1_000
  const chunks = times.length
  return { chunks, seconds, p50Micros: percentile(times, 0.5), p99Micros: percentile(times, 0.99) }
}

upstream.listen(0, '127.0.0.1', () => process.send?.(upstream.address()))
process.on('message', (order: StreamOrder) => {
  void obey(order).then((figures) => process.send?.(figures))
})
process.on('disconnect', () => process.exit())
