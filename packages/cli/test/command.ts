import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createKeys, MemoryKeyStore, MemoryLedger, type Keys, type KeyStore } from '@lazu/core'
import type { LazuConfig } from 'lazu'
import { onTestFinished } from 'vitest'
import { run } from '../dist/run.js'

const packageFolder = fileURLToPath(new URL('..', import.meta.url))

/** The command as it is installed. */
export const binary: string = join(packageFolder, 'bin', 'lazu.js')

/** What became of a command. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A folder with these files, in which packages are found as in a project that installed them. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lazu-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  await mkdir(modules)
  await symlink(packageFolder, join(modules, 'lazu'), 'dir')
  await symlink(join(packageFolder, 'node_modules', '@lazu'), join(modules, '@lazu'), 'dir')
  await Promise.all(
    Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)),
  )
  return folder
}

/** Runs the command as a process of its own. */
export async function spawnLazu(
  folder: string,
  argv: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [binary, ...argv], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.end(input)
  await once(child, 'close')
  return { code: child.exitCode ?? -1, stdout: stdout(), stderr: stderr() }
}

/** What a stream has given so far, whenever it is asked. */
export function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** How the command is run inside this process. */
export interface RunSettings {
  /** What comes out of a pipe. */
  readonly input?: string
  /** What a person types when asked; with it stdin and stdout are terminals. */
  readonly typed?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A gateway in memory, and the command on it. */
export interface Gateway {
  readonly keys: Keys
  readonly ledger: MemoryLedger
  /** How many times its configuration was closed. */
  readonly closed: () => number
  readonly lazu: (argv: readonly string[], settings?: RunSettings) => Promise<Ran>
}

/** Stores of a test, which count as ones that last: of a class of its own nobody knows where it keeps. */
class LastingKeyStore extends MemoryKeyStore {}
class LastingLedger extends MemoryLedger {}

/** A gateway in memory, with a configuration that names it, in a folder of its own. */
export async function gateway(
  parts: { readonly store?: KeyStore; readonly config?: Partial<LazuConfig> } = {},
): Promise<Gateway> {
  const keys = createKeys({ store: parts.store ?? new LastingKeyStore() })
  const ledger = new LastingLedger()
  let closed = 0
  const config: LazuConfig = {
    gateway: { keys, ledger },
    close: () => void closed++,
    ...parts.config,
  }
  // The file is read by the command, in this process: the stores are handed over by a global.
  const folder = await folderWith({
    'lazu.config.mjs': 'export default () => globalThis.configurationUnderTest',
  })
  return {
    keys,
    ledger,
    closed: () => closed,
    lazu: (argv, settings) => {
      Reflect.set(globalThis, 'configurationUnderTest', config)
      return runIn(folder, argv, settings)
    },
  }
}

/** Runs the command in this process. */
export async function runIn(
  folder: string,
  argv: readonly string[],
  { input = '', typed, env = {} }: RunSettings = {},
): Promise<Ran> {
  const isTTY = typed !== undefined
  const stdin = Object.assign(new PassThrough(), { isTTY })
  const stdout: string[] = []
  const stderr: string[] = []
  stdin.end(typed ?? input)
  const code = await run(argv, {
    stdin,
    stdout: { isTTY, write: (text: string) => stdout.push(text) },
    stderr: { isTTY, write: (text: string) => stderr.push(text) },
    cwd: folder,
    env,
  })
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** What `--json` wrote to stderr. */
export interface ErrorJson {
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null }
}

/** The error that `--json` wrote. */
export function errorOf({ stderr }: Ran): ErrorJson['error'] {
  const { error }: ErrorJson = JSON.parse(stderr)
  return error
}
