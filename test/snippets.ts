import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect } from 'vitest'

export const root = fileURLToPath(new URL('..', import.meta.url))
const files = [
  'README.md',
  'packages/core/README.md',
  'packages/express/README.md',
  'packages/koa/README.md',
  'packages/fastify/README.md',
  'packages/sqlite/README.md',
  'packages/postgres/README.md',
  'packages/redis/README.md',
  'packages/upstream/README.md',
  'packages/cli/README.md',
]

/** Where snippets run; they keep their files there. */
export let folder = ''
const snippets = new Map<string, string>()

/** Reads the snippets before a file's tests, and removes what they left behind after them. */
export function useSnippets(): void {
  beforeAll(readSnippets)
  afterAll(() => rm(folder, { recursive: true, force: true }))
}

async function readSnippets(): Promise<void> {
  // Inside this package, so that the snippets' imports are found as a user's would be.
  folder = await mkdtemp(join(root, 'test', '.snippets-'))
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8')
    for (const [, name = '', code = ''] of text.matchAll(
      /<!-- snippet: ([\w-]+) -->\n\n```ts\n(.*?)```/gs,
    )) {
      snippets.set(name, code)
    }
    const unnamed = text.match(/```ts\n/g)?.length ?? 0
    const named = text.match(/<!-- snippet: /g)?.length ?? 0
    if (named !== unnamed) throw new Error(`a snippet of ${file} has no name, and so no test`)
  }
}

/** Writes a snippet into a file that can be run. */
export async function snippetFile(name: string, change: (code: string) => string): Promise<string> {
  const code = snippets.get(name)
  if (code === undefined) throw new Error(`there is no snippet ${name}`)
  const file = join(folder, `${name}.mjs`)
  await writeFile(file, change(code))
  return file
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A snippet that listens. */
export interface Running {
  readonly url: string
  readonly key: string
  readonly process: ChildProcess
}

/** Runs a snippet that listens, on a free port, until it answers. */
export async function serve(
  name: string,
  change: (code: string) => string = (code) => code,
  env: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const port = await freePort()
  let printsKey = false
  const file = await snippetFile(name, (code) => {
    expect(code).toContain('3000')
    printsKey = code.includes('console.log(key)')
    return change(code).replace('3000', String(port))
  })
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = createInterface(child.stdout)
  let key = ''
  lines.on('line', (line) => {
    if (line.startsWith('sk-lazu-')) key = line
  })
  let problems = ''
  child.stderr.on('data', (chunk: Buffer) => (problems += String(chunk)))
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${problems}`)
    const answered = await fetch(url).catch(() => undefined)
    // What it prints may come later than its first answer.
    if (answered !== undefined && (key !== '' || !printsKey)) return { url, key, process: child }
    await new Promise((resolve) => void setTimeout(resolve, 50))
  }
  throw new Error(`${name} does not answer: ${problems}`)
}

/** Runs a snippet to its end. What it prints. */
export async function run(
  name: string,
  change: (code: string) => string = (code) => code,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const file = await snippetFile(name, change)
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: folder,
    env: { ...process.env, ...env },
    timeout: 10_000,
  })
  return stdout
}

interface Envelope {
  error: { code: string; param: string | null; message: string; request_id: string }
}

/** The error in an answer. */
export async function errorOf(response: Response): Promise<Envelope['error']> {
  const { error } = (await response.json()) as Envelope
  expect(error.request_id).toBe(response.headers.get('x-request-id'))
  return error
}

/** Asks for a completion; its price is 213 micro-dollars. */
export function complete({ url }: Pick<Running, 'url'>, key: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'gpt-5', messages: [] }),
  })
}
