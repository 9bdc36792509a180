import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { startFaultProxy, type FaultProxy } from '@lazu/testkit'
import { assert, describe, expect, it, onTestFinished, vi } from 'vitest'

/** A server that sends back what it is sent, behind a proxy. */
async function echo(): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ port: await echoPort() })
  onTestFinished(() => proxy.close())
  return proxy
}

/** Where a server listens that sends back what it is sent, behind a greeting if there is one. */
async function echoPort(greeting = ''): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(greeting)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return address.port
}

/** A client, and what it has seen. */
class Client {
  readonly socket: Socket
  received = ''
  error: NodeJS.ErrnoException | undefined
  closed = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes) => (this.received += String(bytes)))
    this.socket.on('error', (error) => (this.error = error))
    this.socket.on('close', () => (this.closed = true))
    onTestFinished(() => void this.socket.destroy())
  }

  async sees(text: string): Promise<void> {
    await vi.waitFor(() => assert.equal(this.received, text), 5_000)
  }
}

describe('a fault proxy', () => {
  it('hands on what is sent, both ways, and counts connections', async () => {
    const proxy = await echo()
    const client = new Client(proxy.port)
    client.socket.write('one')
    await client.sees('one')
    expect([proxy.open, proxy.accepted]).toEqual([1, 1])
    client.socket.end(' two')
    await vi.waitFor(() => expect(client.closed).toBe(true))
    expect(client.received).toBe('one two')
    await vi.waitFor(() => expect([proxy.open, proxy.accepted]).toEqual([0, 1]))
  })

  it('refuses connections, leaves those that are open, and listens on the same port again', async () => {
    const proxy = await echo()
    const early = new Client(proxy.port)
    early.socket.write('a')
    await early.sees('a')
    await proxy.refuse()
    const refused = new Client(proxy.port)
    await vi.waitFor(() => expect(refused.error?.code).toBe('ECONNREFUSED'))
    early.socket.write('b')
    await early.sees('ab')
    await proxy.pass()
    const late = new Client(proxy.port)
    late.socket.write('c')
    await late.sees('c')
  })

  it('hangs, and hands on later what it has held back', async () => {
    const proxy = await echo()
    const before = new Client(proxy.port)
    before.socket.write('1')
    await before.sees('1')
    proxy.hang()
    before.socket.write('2')
    const after = new Client(proxy.port)
    after.socket.write('3')
    await vi.waitFor(() => expect(proxy.accepted).toBe(2))
    await new Promise((resolve) => void setTimeout(resolve, 50))
    expect([before.received, after.received]).toEqual(['1', ''])
    await proxy.pass()
    await before.sees('12')
    await after.sees('3')
  })

  it('is late each way', async () => {
    const proxy = await echo()
    proxy.delay(60)
    const client = new Client(proxy.port)
    const sentMs = performance.now()
    client.socket.write('late')
    await client.sees('late')
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(119)
  })

  it('hands on so many bytes a second', async () => {
    const proxy = await echo()
    proxy.throttle(10_000)
    const client = new Client(proxy.port)
    const sentMs = performance.now()
    client.socket.write('x'.repeat(3_000))
    await client.sees('x'.repeat(3_000))
    expect(performance.now() - sentMs).toBeGreaterThan(250)
  })

  it('ends a connection in the middle of an answer', async () => {
    const proxy = await echo()
    const client = new Client(proxy.port)
    client.socket.write('0123456789')
    await client.sees('0123456789')
    proxy.cutAfter(4)
    client.socket.write('abcdefgh')
    await vi.waitFor(() => expect(client.closed).toBe(true))
    expect(client.received).toBe('0123456789abcd')
    const another = new Client(proxy.port)
    another.socket.write('abcdefgh')
    await vi.waitFor(() => expect(another.closed).toBe(true))
    expect(another.received).toBe('abcd')
  })

  it('resets all connections', async () => {
    const proxy = await echo()
    const clients = [new Client(proxy.port), new Client(proxy.port)]
    for (const client of clients) client.socket.write('x')
    for (const client of clients) await client.sees('x')
    proxy.reset()
    for (const client of clients) {
      await vi.waitFor(() => expect(client.error?.code).toBe('ECONNRESET'))
    }
    await vi.waitFor(() => expect(proxy.open).toBe(0))
  })

  it('goes over to another server, and resets the connections to the first', async () => {
    const proxy = await echo()
    const before = new Client(proxy.port)
    before.socket.write('one')
    await before.sees('one')
    proxy.switchTo({ port: await echoPort('second: ') })
    await vi.waitFor(() => expect(before.error?.code).toBe('ECONNRESET'), 5_000)
    const behind = new Client(proxy.port)
    behind.socket.write('two')
    await behind.sees('second: two')
  })

  it('ends everything when it is closed', async () => {
    const proxy = await echo()
    const client = new Client(proxy.port)
    client.socket.write('x')
    await client.sees('x')
    await proxy.close()
    await vi.waitFor(() => expect(client.closed).toBe(true))
    const refused = new Client(proxy.port)
    await vi.waitFor(() => expect(refused.error?.code).toBe('ECONNREFUSED'))
  })
})
