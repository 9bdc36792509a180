import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findPostgres } from './postgres-binaries.js'

const run = promisify(execFile)

/** A PostgreSQL server of one test file. */
export interface RunningPostgres {
  /** Of its database `postgres`, as its superuser. */
  readonly url: string
  readonly port: number
  /** Of its first process, which all the others end with. */
  readonly pid: number
  /** Ends it, and removes its data. */
  stop(): Promise<void>
}

/** Whom a server runs as, when that is not us: PostgreSQL refuses to be root. */
interface Owner {
  readonly uid?: number
  readonly gid?: number
}

const nobody: Owner = { uid: 65_534, gid: 65_534 }

/** Settings for tests: nothing is kept when the machine dies, and little memory is taken. */
const settings = [
  'fsync=off',
  'full_page_writes=off',
  'shared_buffers=16MB',
  'max_connections=200',
  'autovacuum=off',
  'max_parallel_workers=0',
  'timezone=Pacific/Kiritimati',
]

/**
 * Starts a PostgreSQL server of its own on a free port, with empty data in a temporary folder.
 *
 * Its language and its time zone are ones in which a store that relies on them is caught.
 *
 * @throws Error when PostgreSQL is not installed, or does not start
 */
export async function startPostgres(): Promise<RunningPostgres> {
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error('PostgreSQL is not installed: no initdb, no postgres')
  const owner = process.getuid?.() === 0 ? nobody : {}
  const folder = await mkdtemp(join(tmpdir(), 'lazu-postgres-'))
  try {
    if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid ?? owner.uid)
    await initialise(binaries, folder, owner)
    const port = await freePort()
    return await start(binaries, folder, owner, port)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function initialise(binaries: string, folder: string, owner: Owner): Promise<void> {
  const locale = ['--locale=C', '--locale-provider=icu', '--icu-locale=en']
  const access = ['--auth=trust', '--username=postgres']
  const data = join(folder, 'data')
  await run(
    join(binaries, 'initdb'),
    ['--pgdata', data, '--encoding=UTF8', '--no-sync', ...access, ...locale],
    { ...owner, cwd: folder },
  )
}

async function start(
  binaries: string,
  folder: string,
  owner: Owner,
  port: number,
): Promise<RunningPostgres> {
  const places = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`]
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', join(folder, 'data'), ...[...settings, ...places].flatMap((one) => ['-c', one])],
    { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const endWithUs = (): void => void server.kill('SIGQUIT')
  process.once('exit', endWithUs)
  await untilReady(server)
  const { pid } = server
  if (pid === undefined) throw new Error('PostgreSQL has no process')
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    pid,
    async stop() {
      process.removeListener('exit', endWithUs)
      await end(server)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for the line in which the server says that it listens and has read its data. */
async function untilReady(server: ChildProcess): Promise<void> {
  const { stderr } = server
  if (stderr === null) throw new Error('PostgreSQL has no log')
  let log = ''
  await new Promise<void>((resolve, reject) => {
    stderr.setEncoding('utf8')
    stderr.on('data', (text: string) => {
      // The beginning is what counts; what comes later must only be taken off the pipe.
      if (log.length < 10_000) log += text
      if (log.includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`PostgreSQL does not start: ${log}`)))
  })
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  // One that was stopped with SIGSTOP ends only when it goes on.
  server.kill('SIGQUIT')
  server.kill('SIGCONT')
  await Promise.race([exited, delay(10_000, undefined, { ref: false })])
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGKILL')
    await exited
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
