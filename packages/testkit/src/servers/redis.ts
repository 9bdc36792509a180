import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** How a Redis server is started. */
export interface RedisServerOptions {
  /** Begins again in the folder and on the port of a server that ended. */
  readonly of?: Pick<RedisServer, 'port' | 'folder'> | undefined
  /** More of the command line: `['--maxmemory-policy', 'allkeys-lru']`. */
  readonly args?: readonly string[] | undefined
}

/** A Redis server of a test's own. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Where its files are. Removed by `stop`. */
  readonly folder: string
  /** Ends it, hung or not, and leaves its files. */
  kill(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

/** Three Redis servers that are a cluster. */
export interface RedisClusterServers {
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

/** Whether there is a `redis-server` to start. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Starts a Redis server on a free port, with its files in a temporary folder. It keeps nothing on the
 * disk unless `args` tell it to.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = options.of?.folder ?? mkdtempSync(join(tmpdir(), 'lazu-redis-'))
  const port = options.of?.port ?? (await freePort())
  const child = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      ...(options.args ?? []),
    ],
    { stdio: 'ignore' },
  )
  await once(child, 'spawn')
  const server = serverOf(child, port, folder)
  try {
    await answering(server)
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

/** Starts three Redis servers, and makes them a cluster with all slots. */
export async function startRedisCluster(): Promise<RedisClusterServers> {
  const nodes: RedisServer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(async (node) => node.stop()))
  }
  try {
    const busPorts: string[] = []
    for (let count = 0; count < 3; count++) {
      // Unless it is told, the port of the cluster's own bus is 10,000 higher, which may be none.
      const busPort = String(await freePort())
      busPorts.push(busPort)
      const args = ['--cluster-enabled', 'yes', '--cluster-port', busPort]
      nodes.push(await startRedis({ args }))
    }
    const slots = [
      [0, 5_460],
      [5_461, 10_922],
      [10_923, 16_383],
    ]
    for (const [index, node] of nodes.entries()) {
      const range = slots[index]?.map(String) ?? []
      redisCli(node.port, 'CLUSTER', 'ADDSLOTSRANGE', ...range)
      redisCli(node.port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    }
    const [first] = nodes
    const met = ['127.0.0.1', String(first?.port), String(busPorts[0])]
    for (const node of nodes) {
      if (node !== first) redisCli(node.port, 'CLUSTER', 'MEET', ...met)
    }
    await until(() =>
      nodes.every((node) => {
        const info = redisCli(node.port, 'CLUSTER', 'INFO')
        return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
      }),
    )
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, stop }
}

function serverOf(child: ChildProcess, port: number, folder: string): RedisServer {
  const pid = child.pid
  if (pid === undefined) throw new Error('redis-server did not start')
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid,
    folder,
    kill,
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function redisCli(port: number, ...args: string[]): string {
  return execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' })
}

async function answering({ port, pid }: RedisServer): Promise<void> {
  await until(() => answers(port), `redis-server (${pid}) does not answer`)
}

async function until(
  isSo: () => boolean | Promise<boolean>,
  problem = 'the Redis cluster does not come up',
): Promise<void> {
  const endMs = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(problem)
    await wait(20)
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer]: unknown[] = await once(socket, 'data')
    return String(answer).startsWith('+PONG')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
