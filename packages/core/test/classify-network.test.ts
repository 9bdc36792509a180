import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { classify, type Condition } from '@lazu/core'
import { describe, expect, it, onTestFinished } from 'vitest'

/** A server that does something to each connection it gets. Returns its URL. */
async function upstream(act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => act(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${portOf(server)}/`
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  )
}

async function fetchText(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text()
}

describe('what fetch throws', () => {
  it('at a port nobody listens on', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const port = portOf(server)
    server.close()
    await once(server, 'close')
    const thrown = await rejection(fetch(`http://127.0.0.1:${port}/`))
    expect(classify(thrown).condition).toBe('upstream_unreachable')
  })

  it.each<[string, Condition, (socket: Socket) => void]>([
    ['at a reset', 'upstream_unreachable', (socket) => void socket.resetAndDestroy()],
    ['when the other side hangs up', 'upstream_unreachable', (socket) => void socket.destroy()],
    ['at what is no HTTP', 'upstream_unreachable', (socket) => void socket.end('SSH-2.0-none\r\n')],
    [
      'when the body breaks off',
      'upstream_read_failed',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.destroy())
      },
    ],
    [
      'when chunks break off',
      'upstream_read_failed',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', () =>
          socket.resetAndDestroy(),
        )
      },
    ],
  ])('%s', async (_, condition, act) => {
    const thrown = await rejection(fetchText(await upstream(act)))
    expect(thrown).toBeInstanceOf(TypeError)
    expect(classify(thrown).condition).toBe(condition)
  })

  it('at a name nobody has', async () => {
    // RFC 6761, section 6.4: such a name is never there.
    const thrown = await rejection(fetch('http://nothing.invalid/'))
    expect(classify(thrown).condition).toBe('upstream_unreachable')
  })

  it('at a server without TLS', async () => {
    const url = await upstream((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const thrown = await rejection(fetch(url.replace('http:', 'https:')))
    expect(classify(thrown).condition).toBe('upstream_unreachable')
  })

  it('when its time is up, and when it is aborted', async () => {
    const url = await upstream(() => {})
    const late = await rejection(fetch(url, { signal: AbortSignal.timeout(1) }))
    expect(late).toMatchObject({ name: 'TimeoutError' })
    expect(classify(late).condition).toBe('upstream_timeout')
    const abort = new AbortController()
    const fetching = rejection(fetch(url, { signal: abort.signal }))
    abort.abort()
    expect(classify(await fetching).condition).toBe('upstream_timeout')
  })

  it("at a URL that is none is the server's own mistake", async () => {
    const thrown = await rejection(fetch('not a url'))
    expect(classify(thrown)).toMatchObject({ condition: 'internal_error', status: 500 })
  })
})
