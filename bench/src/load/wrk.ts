import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pinned } from '../pinned.js'
import { host } from '../servers/serve.js'
import { connections, type Load, type Loaded } from './load.js'

const script = fileURLToPath(new URL('../../wrk.lua', import.meta.url))

/** wrk's own version, undefined where it is not installed. */
export function wrkVersion(): string | undefined {
  // It prints its version with its usage, and fails.
  const { stdout, stderr } = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  return /^wrk (\S+)/m.exec(`${stdout ?? ''}\n${stderr ?? ''}`)?.[1]
}

/** As many calls as the server takes, by wrk. */
export async function loadWithWrk(load: Load): Promise<Loaded> {
  const seconds = Math.max(1, Math.round(load.seconds))
  const url = `http://${host}:${load.port}${load.path}`
  const options = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', script]
  const headers = Object.entries(load.headers).flat()
  const [command = 'wrk', ...args] = [
    ...pinned('load'),
    'wrk',
    ...options,
    url,
    '--',
    load.body,
    ...headers,
  ]
  const { stdout } = await promisify(execFile)(command, args)
  const sums = Object.fromEntries(
    (stdout.trim().split('\n').at(-1) ?? '').split(' ').map((sum) => {
      const [name = '', value] = sum.split('=')
      return [name, Number(value)]
    }),
  )
  const { answers, refused, broken, micros, p50, p99 } = sums
  if (answers === undefined || refused === undefined || broken !== 0 || micros === undefined) {
    throw new Error(`wrk did not get through:\n${stdout}`)
  }
  // It tells good answers from others, but not one refusal from another.
  const wrong = load.status < 400 ? refused : answers - refused
  return {
    answers,
    wrong,
    seconds: micros / 1_000_000,
    p50Micros: p50 ?? Number.NaN,
    p99Micros: p99 ?? Number.NaN,
  }
}
