/** Starts two servers and a proxy before them, and prints what to try. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { portFrom, urlOf } from '@lazu/example-model'
import { provideKey, type DemoKey } from './demo-key.js'
import { openGateway, serverCount } from './gateway.js'
import { greeting } from './greeting.js'
import { createProxy } from './proxy.js'
import { startServer, type ServerProcess } from './server-process.js'

/** How long answers may be on their way when no server is left. */
const lastReadMs = 500

try {
  console.log(await start())
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  // The servers end when this process is gone.
  process.exit(1)
}

async function start(): Promise<string> {
  const port = portFrom(process.env)
  const gateway = await openGateway()
  const names = Array.from({ length: serverCount }, (_, index) => `server-${index + 1}`)
  const servers = await Promise.all(names.map((name) => startServer(name)))
  const proxy = createProxy(servers.map((server) => server.port))
  await listen(proxy, port)
  stopOnSignal(proxy, servers)
  // Not before it listens: a key is shown once, and to nobody when the port cannot be had.
  let key: DemoKey
  try {
    key = await provideKey(gateway)
  } finally {
    await gateway.close()
  }
  return greeting(urlOf(proxy), servers, key)
}

async function listen(proxy: Server, port: number): Promise<void> {
  proxy.listen(port, '127.0.0.1')
  try {
    await once(proxy, 'listening')
  } catch (cause) {
    throw new Error(`Port ${port} cannot be had. Choose another one, or 0 for any, in PORT.`, {
      cause,
    })
  }
}

/**
 * On SIGINT or SIGTERM no more requests are taken, and the servers end those they have. When the
 * last server is gone, so is the proxy.
 */
function stopOnSignal(proxy: Server, servers: readonly ServerProcess[]): void {
  let isStopping = false
  const stop = (): void => {
    isStopping = true
    proxy.close()
    for (const server of servers) server.stop()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)

  const watch = async ({ name, ended }: ServerProcess): Promise<void> => {
    await ended
    if (!isStopping) console.error(`${name} has ended. Start again to have it back.`)
  }
  const endWithThem = async (): Promise<void> => {
    await Promise.all(servers.map(watch))
    if (!isStopping) process.exitCode = 1
    proxy.close()
    // Whoever is still reading an answer has it by then.
    setTimeout(() => proxy.closeAllConnections(), lastReadMs).unref()
  }
  void endWithThem()
}
