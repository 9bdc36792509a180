import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { host } from '../servers/serve.js'
import { connections, type Load, type Loaded } from './load.js'
import { Times } from './times.js'

/** One connection, and since when it should have had its answer under way. */
interface Line {
  readonly socket: Socket
  dueMs: number
  received: string
}

/**
 * Calls at even distances, whether the server keeps up or not. The time of a call counts from when
 * it was due, so that a server that stops for a moment has stopped for all who would have come then.
 * Neither wrk nor autocannon does so: one knows no rate, the other sends a second's calls in one go.
 */
export async function loadPaced(load: Load, perSecond: number): Promise<Loaded> {
  const request = requestOf(load)
  const times = new Times(load.status)
  const idle: Line[] = []
  const lines: Line[] = []
  for (let count = 0; count < connections; count++) {
    const socket = connect({ port: load.port, host, noDelay: true })
    await once(socket, 'connect')
    const line: Line = { socket, dueMs: 0, received: '' }
    socket.on('data', (chunk) => {
      line.received += chunk.toString('latin1')
      if (!isComplete(line.received)) return
      times.add(Number(line.received.slice(9, 12)), performance.now() - line.dueMs)
      line.received = ''
      idle.push(line)
    })
    lines.push(line)
    idle.push(line)
  }
  await callEvenly(idle, request, load.seconds, perSecond)
  // Those that are still due are left out for every server alike.
  const sum = times.sum()
  for (const { socket } of lines) socket.destroy()
  return sum
}

/** Calls when it is time and a line is idle; the rest waits, and its waiting counts. */
function callEvenly(
  idle: Line[],
  request: Buffer,
  seconds: number,
  perSecond: number,
): Promise<void> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    let calls = 0
    const call = (): void => {
      const passedMs = performance.now() - startMs
      if (passedMs > seconds * 1000) {
        resolve()
        return
      }
      const due = Math.floor((passedMs * perSecond) / 1000)
      while (calls < due) {
        const line = idle.pop()
        if (line === undefined) break
        line.dueMs = startMs + (calls * 1000) / perSecond
        calls++
        line.socket.write(request)
      }
      // No timer is exact enough; this process has a core for itself.
      setImmediate(call)
    }
    call()
  })
}

function requestOf({ path, headers, body }: Load): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = Buffer.byteLength(body)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}content-length: ${length}\r\n\r\n${body}`,
  )
}

/** Whether a whole answer is there; all servers here say how long theirs are. */
function isComplete(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1]
  if (length === undefined) throw new Error('an answer does not say how long it is')
  return received.length >= headEnd + 4 + Number(length)
}
