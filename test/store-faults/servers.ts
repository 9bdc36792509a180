import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startRedis, type RedisServer, type RunningPostgres } from '@lazu/testkit'
import { Client } from 'pg'
import { createClient } from 'redis'

const run = promisify(execFile)

/** What can be done to the processes of a server. */
export interface ServerProcesses {
  /** Stops them as they are; whoever connects hangs. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Ends them as a crash does. */
  kill(): Promise<void>
  /** Starts them again on the same port with the same data. */
  startAgain(): Promise<void>
  /** Ends those that were started again. */
  end(): Promise<void>
}

/** A PostgreSQL server's processes. */
export async function postgresProcesses({ url, pid }: RunningPostgres): Promise<ServerProcesses> {
  const client = new Client(url)
  await client.connect()
  const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
  await client.end()
  const data = rows[0]?.data_directory ?? ''
  const options = await readFile(join(data, 'postmaster.opts'), 'utf8')
  const control = join(dirname(options.split(' ')[0] ?? ''), 'pg_ctl')
  const { uid, gid } = await stat(data)
  const owner = process.getuid?.() === 0 ? { uid, gid } : {}
  let firstPid = pid
  let isOurs = false
  const endWithUs = (): void => trySignal(firstPid, 'SIGQUIT')

  /** Sends a signal to the first process, which starts the others, and then to them. */
  const signal = async (name: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    process.kill(firstPid, name)
    const { stdout } = await run('pgrep', ['-P', String(firstPid)])
    for (const line of stdout.trim().split('\n')) trySignal(Number(line), name)
  }
  return {
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async kill() {
      process.kill(firstPid, 'SIGKILL')
    },
    async startAgain() {
      // With the options of before, as nothing else is said.
      const args = ['restart', '-w', '-s', '-D', data, '-l', join(data, 'again.log')]
      await run(control, args, { ...owner, cwd: data })
      const pidFile = await readFile(join(data, 'postmaster.pid'), 'utf8')
      firstPid = Number(pidFile.split('\n')[0])
      isOurs = true
      process.once('exit', endWithUs)
    },
    async end() {
      process.removeListener('exit', endWithUs)
      if (isOurs)
        await run(control, ['stop', '-m', 'immediate', '-D', data], { ...owner, cwd: data })
    },
  }
}

/** A Redis server's process. From now on it keeps its data on the disk. */
export async function redisProcesses(first: RedisServer): Promise<ServerProcesses> {
  const client = await createClient({ url: first.url }).connect()
  await client.sendCommand(['CONFIG', 'SET', 'appendonly', 'yes'])
  client.destroy()
  return redisProcess(first, ['--appendonly', 'yes'])
}

/** A Redis server's process. One that is started again is empty, unless `args` say otherwise. */
export function redisProcess(first: RedisServer, args: readonly string[] = []): ServerProcesses {
  let server = first
  return {
    async freeze() {
      process.kill(server.pid, 'SIGSTOP')
    },
    async thaw() {
      process.kill(server.pid, 'SIGCONT')
    },
    kill: () => server.kill(),
    async startAgain() {
      server = await startRedis({ of: first, args })
    },
    end: () => server.stop(),
  }
}

/** A process of a server may end at any moment. */
function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}
