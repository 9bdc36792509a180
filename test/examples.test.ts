import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createKeys, formatUsd, usd } from '@lazu/core'
import { chatChunks, complete, createDemo, curlLines } from '@lazu/example-model'
import { sqliteStore, type SqliteStore } from '@lazu/sqlite'
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest'

// Each test starts processes, on a machine that may have others to run.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const run = promisify(execFile)
const curl = await findCurl()
const root = fileURLToPath(new URL('..', import.meta.url))
const lazuCommand = join(root, 'packages', 'cli', 'bin', 'lazu.js')
const names = ['express', 'koa', 'fastify']
const variables = ['', '_ELSEWHERE', '_LIMITED', '_POOR', '_DISABLED'].map(
  (rest) => `LAZU_KEY${rest}`,
)

describe.concurrent.for(names)('npm start, the %s example', (name) => {
  let data = ''
  let started: Started

  beforeAll(async () => {
    data = await newFolder()
    started = await start(script(name, 'start'), { DATA_DIR: data })
  })

  afterAll(async () => {
    await stop(started.child)
    await rm(data, { recursive: true })
  })

  it('prints where it listens, and a key', () => {
    expect(started.printed).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+\n/)
    expect(started.printed).toMatch(/API key.*: sk-lazu-\w{30,}\n/)
  })

  it('prints where its data is, and keeps it there', async () => {
    const file = join(data, 'lazu.db')
    expect(started.printed).toContain(`Its data is in ${file}\n`)
    expect((await stat(file)).isFile()).toBe(true)
  })

  it('prints a command for everything there is to see', async () => {
    const titles = commandsIn(started.printed).map(({ title }) => title)
    expect(titles).toEqual(curlLines('', await createDemo()).map(({ title }) => title))
    expect(titles).toHaveLength(6)
  })

  it.skipIf(curl === undefined)('prints commands that do what it says', async () => {
    for (const { title, command, status } of commandsIn(started.printed)) {
      expect([title, await statusOf(command)]).toEqual([title, status])
    }
  })

  it('passes the examination of lazu doctor in its folder', async () => {
    const { LAZU_KEY } = keysIn(started.printed)
    const env = { DATA_DIR: data, PORT: new URL(started.url).port, LAZU_KEY }
    const report = await lazu(name, env, 'doctor')
    expect(report).toContain('The server takes LAZU_KEY.')
    expect(report).toContain('0 mistakes, 0 warnings')
  })

  it('has the same data as lazu serve in its folder', async (test) => {
    const child = spawn(process.execPath, [lazuCommand, 'serve', '--port', '0'], {
      cwd: folderOf(name),
      env: { ...process.env, DATA_DIR: data },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    test.onTestFinished(async () => void (await stop(child)))
    const [line]: unknown[] = await once(createInterface(child.stdout), 'line')
    const [url = ''] = /http:\S+/.exec(String(line)) ?? []
    expect((await chat(url, keysIn(started.printed)['LAZU_KEY'])).status).toBe(200)
    expect(await stop(child)).toEqual([0, null])
  })
})

describe.concurrent.for(names)('a later start of the %s example', (name) => {
  it('has the keys and the balances of one that was killed', async (test) => {
    const { data, store } = await openFolder(test)
    const first = await start(script(name, 'start'), { DATA_DIR: data }, test)
    const keys = keysIn(first.printed)
    expect(Object.keys(keys)).toEqual(variables)
    expect((await chat(first.url, keys['LAZU_KEY'])).status).toBe(200)
    // Two tokens in, four out.
    const afterwards = { granted: usd(5), settled: 45, held: 0, available: usd(5) - 45 }
    await vi.waitFor(async () => {
      expect(await store.ledger.balance('acme')).toMatchObject(afterwards)
    })
    expect(await stop(first.child, 'SIGKILL')).toEqual([null, 'SIGKILL'])

    const second = await start(script(name, 'start'), { DATA_DIR: data }, test)
    expect(second.printed).toContain('The keys and balances of an earlier start are there')
    const records = await store.keys.list({ limit: 10 })
    expect(records).toHaveLength(variables.length)
    for (const { id, account, name: keyName, shown } of records) {
      const { available } = await store.ledger.balance(account)
      const left = `${formatUsd(available)} left in ${account}`
      expect(second.printed).toMatch(new RegExp(`${shown} +${keyName} .*\\${left} +${id}\\n`))
    }
    expect(second.printed).not.toMatch(/sk-lazu-\w{30,}/)
    expect(await store.ledger.balance('acme')).toMatchObject(afterwards)
    expect((await chat(second.url, keys['LAZU_KEY'])).status).toBe(200)

    const commands = commandsIn(second.printed)
    expect(commands).toHaveLength(6)
    if (curl === undefined) return
    for (const { title, command, status } of commands) {
      expect([title, await statusOf(command, keys)]).toEqual([title, status])
    }
  })
})

describe.concurrent('npm start', () => {
  it('says that the port is taken, and makes no key that nobody would see', async (test) => {
    const { data, store } = await openFolder(test)
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stderr } = await failure({ PORT: port, DATA_DIR: data })
    holder.close()
    expect(code).toBe(1)
    expect(stderr).toBe(
      `Port ${port} is taken. Choose another one, or 0 for any: PORT=0 npm start\n`,
    )
    expect(await store.keys.list({ limit: 10 })).toEqual([])
  })

  it.for(['', '65536'])('takes no PORT that is %j', async (port, test) => {
    const { data } = await openFolder(test)
    const { code, stderr } = await failure({ PORT: port, DATA_DIR: data })
    expect(code).toBe(1)
    expect(stderr).toBe(`PORT must be a number from 0 to 65535, but is ${JSON.stringify(port)}.\n`)
  })

  it('takes no DATA_DIR that is empty', async () => {
    const { code, stderr } = await failure({ DATA_DIR: '' })
    expect(code).toBe(1)
    expect(stderr).toBe('DATA_DIR must name a folder, but is empty.\n')
  })

  it('takes no DATA_DIR that is a file', async (test) => {
    const file = join(await newFolder(test), 'file')
    await writeFile(file, '')
    const { code, stderr } = await failure({ DATA_DIR: file })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^The folder \S+file cannot be made: .*\. Name another one in DATA_DIR\.\n$/,
    )
  })

  it('takes no file that is no database', async (test) => {
    const folder = await newFolder(test)
    const file = join(folder, 'lazu.db')
    await writeFile(file, 'This is no database. '.repeat(100))
    const { code, stderr } = await failure({ DATA_DIR: folder })
    expect(code).toBe(1)
    expect(stderr).toContain(`${JSON.stringify(file)} is no SQLite database. Name another file`)
  })

  it('keeps its data in its own folder, wherever it is started', async (test) => {
    const folder = await newFolder(test)
    const example = fileURLToPath(new URL('../examples/express/', import.meta.url))
    await cp(join(example, 'dist'), join(folder, 'dist'), { recursive: true })
    await cp(join(example, 'package.json'), join(folder, 'package.json'))
    await symlink(join(example, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const { printed } = await start(join(folder, 'dist', 'start.js'), { DATA_DIR: undefined }, test)
    expect(printed).toContain(`Its data is in ${join(folder, 'data', 'lazu.db')}\n`)
  })

  it('makes good what a start that was killed left undone', async (test) => {
    const { data, store } = await openFolder(test)
    const keys = createKeys({ store: store.keys })
    const { key } = await keys.create({ account: 'acme', name: 'good' })
    // It was to be switched off next.
    const { record } = await keys.create({ account: 'acme', name: 'disabled' })

    const { printed, url } = await start(script('express', 'start'), { DATA_DIR: data }, test)
    expect(Object.keys(keysIn(printed))).toEqual(
      ['_ELSEWHERE', '_LIMITED', '_POOR'].map((rest) => `LAZU_KEY${rest}`),
    )
    expect(printed).toContain('$5.0000 left in acme')
    expect((await chat(url, key)).status).toBe(200)
    expect(await store.keys.get(record.id)).toMatchObject({ status: 'disabled' })
    expect(await store.keys.list({ limit: 10 })).toHaveLength(variables.length)
  })

  it('leaves a key as it is that somebody enabled', async (test) => {
    const { data, store } = await openFolder(test)
    const first = await start(script('express', 'start'), { DATA_DIR: data }, test)
    const { LAZU_KEY_DISABLED: key } = keysIn(first.printed)
    await stop(first.child)
    const keys = createKeys({ store: store.keys })
    const disabled = (await keys.list()).find(({ status }) => status === 'disabled')
    await keys.enable(disabled?.id ?? '')

    const { url } = await start(script('express', 'start'), { DATA_DIR: data }, test)
    expect((await chat(url, key)).status).toBe(200)
    expect(await store.keys.get(disabled?.id ?? '')).toMatchObject({ status: 'active' })
  })

  it('prints a command that makes a new key in the place of one', async (test) => {
    const { data, store } = await openFolder(test)
    const keys = createKeys({ store: store.keys })
    const { record } = await keys.create({ account: 'acme', name: 'good' })
    const { printed, url } = await start(script('express', 'start'), { DATA_DIR: data }, test)
    const [rotate = ''] = /DATA_DIR=.* npx lazu keys rotate .*/.exec(printed) ?? []
    expect(rotate).toContain(`${record.id} --config examples/express/lazu.config.ts`)
    const { stdout } = await run('sh', ['-c', rotate], { cwd: root })
    const [key] = /sk-lazu-\w{30,}/.exec(stdout) ?? []
    expect((await chat(url, key)).status).toBe(200)
  })

  it('makes a key anew that was revoked', async (test) => {
    const { data, store } = await openFolder(test)
    const first = await start(script('express', 'start'), { DATA_DIR: data }, test)
    await stop(first.child)
    const keys = createKeys({ store: store.keys })
    const [good] = await keys.list()
    await keys.revoke(good?.id ?? '')

    const { printed, url } = await start(script('express', 'start'), { DATA_DIR: data }, test)
    const { LAZU_KEY: made, ...others } = keysIn(printed)
    expect(others).toEqual({})
    expect((await chat(url, keysIn(first.printed)['LAZU_KEY'])).status).toBe(401)
    expect((await chat(url, made)).status).toBe(200)
  })
})

describe.concurrent('an example that is told to stop', () => {
  it.for([
    ['express', 'SIGINT'],
    ['koa', 'SIGTERM'],
    ['fastify', 'SIGTERM'],
  ] as const)(
    'lets a stream end and writes it down first: %s, %s',
    async ([name, signal], test) => {
      const { data, store } = await openFolder(test)
      const { child, printed, url } = await start(script(name, 'start'), { DATA_DIR: data }, test)
      const { LAZU_KEY: key } = keysIn(printed)
      const response = await chat(url, key, { stream: true, content: 'word '.repeat(30) })
      const decoder = new TextDecoder()
      let text = ''
      for await (const chunk of response.body ?? []) {
        if (text === '') child.kill(signal)
        text += decoder.decode(chunk, { stream: true })
      }
      expect(text).toMatch(/data: \[DONE\]\n\n$/)
      expect(await exitOf(child)).toEqual([0, null])

      // 30 tokens in, 32 out.
      expect(await store.ledger.balance('acme')).toMatchObject({ settled: 395, held: 0 })
      const record = await store.requestLog.find(response.headers.get('x-lazu-request-id') ?? '')
      expect(record).toMatchObject({ status: 200, completed: true })
    },
  )

  it('waits for no stream longer than five seconds', async (test) => {
    const { data, store } = await openFolder(test)
    const { child, printed, url } = await start(
      script('express', 'start'),
      { DATA_DIR: data },
      test,
    )
    const { LAZU_KEY: key } = keysIn(printed)
    // 256 words, one in 25 ms.
    const response = await chat(url, key, { stream: true, content: 'word '.repeat(300) })
    const reading = response.text()
    child.kill()
    await expect(reading).rejects.toThrow('terminated')
    expect(await exitOf(child)).toEqual([0, null])
    expect(await store.ledger.balance('acme')).toMatchObject({ settled: 0, held: 0 })
    const record = await store.requestLog.find(response.headers.get('x-lazu-request-id') ?? '')
    expect(record).toMatchObject({ status: 200, completed: false })
  })
})

describe.concurrent('the lazu command in the folder of an example', () => {
  it('tells of the keys, the money and the requests of the one that runs', async (test) => {
    const { data, store } = await openFolder(test)
    const { printed, url } = await start(script('express', 'start'), { DATA_DIR: data }, test)
    const response = await chat(url, keysIn(printed)['LAZU_KEY'])
    const id = response.headers.get('x-lazu-request-id') ?? ''
    await vi.waitFor(async () => expect(await store.requestLog.find(id)).toBeDefined(), 10_000)

    const env = { DATA_DIR: data }
    expect(JSON.parse(await lazu('express', env, 'keys', 'list', '--json'))).toMatchObject({
      keys: ['good', 'elsewhere', 'limited', 'poor', 'disabled'].map((name) => ({ name })),
    })
    expect(await lazu('express', env, 'accounts', 'balance', 'acme')).toContain('$4.999955')
    const trace = await lazu('express', env, 'trace', id)
    expect(trace).toContain('POST /v1/chat/completions')
    expect(trace).toContain('$0.000045')
  })
})

describe.concurrent('npm run tour', () => {
  it('shows what the official SDK makes of every answer, and ends', async () => {
    const { stdout, stderr } = await run(process.execPath, [script('express', 'tour')])
    expect(stderr).toBe('')
    const thrown = [...stdout.matchAll(/threw +(\w+)/g)].map(([, name]) => name)
    expect(thrown).toEqual([
      'AuthenticationError',
      'PermissionDeniedError',
      'PermissionDeniedError',
      'PermissionDeniedError',
      'NotFoundError',
      'UnprocessableEntityError',
      'BadRequestError',
      'RateLimitError',
      'InternalServerError',
      'APIError',
      'InternalServerError',
    ])
    expect(stdout.match(/request id +req_lazu_/g)).toHaveLength(12)
    expect(stdout).toMatch(/429, waited \d\.\d\d s \(announced: \d\.\d\d s\), 200/)
    expect(stdout).toMatch(/500, waited [\d.]+ s, 500, waited [\d.]+ s, 500/)
  })
})

describe.concurrent('the built-in model', () => {
  const messages = [{ role: 'user' as const, content: 'word '.repeat(1_000) }]

  it('says the same to the same, whole or word by word', async () => {
    const { signal } = new AbortController()
    const request = { model: 'lazu-echo', messages, max_tokens: 4 }
    const whole = await complete(request, signal)
    let streamed = ''
    let used: unknown
    const chunks = chatChunks(request, signal, (usage) => {
      used = usage
    })
    for await (const { choices } of chunks) streamed += choices[0]?.delta.content ?? ''
    expect(streamed).toBe('You said: word word')
    expect(whole.choices[0]?.message.content).toBe(streamed)
    expect(whole.usage).toEqual(used)
    expect(used).toEqual({ prompt_tokens: 1_000, completion_tokens: 4, total_tokens: 1_004 })
  })

  it('says no more than 256 words', async () => {
    const { choices } = await complete(
      { model: 'lazu-echo', messages },
      new AbortController().signal,
    )
    expect(choices[0]?.message.content.split(' ')).toHaveLength(256)
    expect(choices[0]?.finish_reason).toBe('length')
  })

  it.for(['lazu-echo', 'lazu-slow'])('stops when nobody waits: %s', async (model) => {
    const controller = new AbortController()
    const usages: unknown[] = []
    const chunks = chatChunks({ model, messages }, controller.signal, (usage) => usages.push(usage))
    const listening = (async () => {
      for await (const chunk of chunks) expect(chunk.model).toBe(model)
    })()
    setImmediate(() => controller.abort())
    await expect(listening).rejects.toThrow('aborted')
    expect(usages).toEqual([])
  })
})

interface Command {
  readonly title: string
  readonly command: string
  readonly status: string
}

/** The commands in what an example printed: `# title: status`, and lines up to an empty one. */
function commandsIn(text: string): Command[] {
  return text.split('\n\n').flatMap((block) => {
    const match = /^# (.+): (\d{3})\n(curl [^]+)$/.exec(block)
    if (match === null) return []
    const [, title = '', status = '', command = ''] = match
    return [{ title, status, command }]
  })
}

/** The status a printed command is answered with; of several answers, the last one's. */
async function statusOf(curlCommand: string, env: Environment = {}): Promise<string | undefined> {
  const quiet = `${curlCommand} -s -o /dev/null -w '%{http_code}\\n'`
  const { stdout } = await run('sh', ['-c', quiet], { env: { ...process.env, ...env } })
  return stdout.trim().split('\n').at(-1)
}

/** The keys an example printed, by the variables it asks to keep them in. */
function keysIn(text: string): Readonly<Record<string, string>> {
  const exports = text.matchAll(/^ {2}export (LAZU_KEY\w*)=(sk-lazu-\w+)$/gm)
  return Object.fromEntries([...exports].map(([, variable = '', key = '']) => [variable, key]))
}

function folderOf(example: string): string {
  return fileURLToPath(new URL(`../examples/${example}/`, import.meta.url))
}

function script(example: string, name: string): string {
  return join(folderOf(example), 'dist', `${name}.js`)
}

type Environment = Readonly<Record<string, string | undefined>>

/** An example that runs. */
interface Started {
  readonly child: ChildProcess
  readonly printed: string
  readonly url: string
}

/** Starts an example on a free port, and waits until it has printed everything. */
async function start(path: string, env: Environment, test?: TestContext): Promise<Started> {
  const child = spawn(process.execPath, [path], {
    cwd: root,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  test?.onTestFinished(async () => void (await stop(child)))
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += String(chunk)
  })
  await vi.waitFor(() => {
    if (!printed.includes('Ctrl+C')) throw new Error(`it has printed only: ${printed}`)
  }, 45_000)
  const [, url = ''] = /listens on (\S+)/.exec(printed) ?? []
  return { child, printed, url }
}

/** How a process ended. */
type Exit = readonly [code: number | null, signal: NodeJS.Signals | null]

async function exitOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return [child.exitCode, child.signalCode]
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal)
  return exitOf(child)
}

/** Runs the Express example where it should fail. */
async function failure(env: Environment): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [script('express', 'start')], {
    env: { ...process.env, ...env },
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const [code]: unknown[] = await once(child, 'close')
  return { code, stderr }
}

/** Runs the lazu command in the folder of an example. */
async function lazu(example: string, env: Environment, ...rest: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [lazuCommand, ...rest], {
    cwd: folderOf(example),
    env: { ...process.env, ...env },
  })
  return stdout
}

/** Sends a request for a completion. */
function chat(
  url: string,
  key = '',
  { content = 'Hello, gateway!', stream = false } = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lazu-echo', stream, messages: [{ role: 'user', content }] }),
  })
}

/** A new folder. With a test, until that is over. */
async function newFolder(test?: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lazu-examples-')))
  test?.onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** A new folder with a store in it, open in this process too, until the test is over. */
async function openFolder(test: TestContext): Promise<{ data: string; store: SqliteStore }> {
  const data = await newFolder(test)
  const store = sqliteStore({ path: join(data, 'lazu.db') })
  test.onTestFinished(() => store.close())
  return { data, store }
}

/** Whether there is a curl. Without one its tests are left out, loudly, but never in CI. */
async function findCurl(): Promise<string | undefined> {
  try {
    const { stdout } = await run('curl', ['--version'])
    return stdout
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    // oxlint-disable-next-line no-console
    console.warn('curl is not there: the commands the examples print are NOT tested')
    return undefined
  }
}
