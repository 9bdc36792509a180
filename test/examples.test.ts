import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chatChunks, complete, createDemo, curlLines } from '@lazu/example-model'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

const run = promisify(execFile)
const curl = await findCurl()

describe.concurrent.for(['express', 'koa', 'fastify'])('npm start, the %s example', (name) => {
  let child: ChildProcess
  let printed = ''

  beforeAll(async () => {
    child = spawn(process.execPath, [script(name, 'start')], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout?.on('data', (chunk) => {
      printed += String(chunk)
    })
    await vi.waitFor(() => {
      if (!printed.includes('Ctrl+C')) throw new Error(`it has printed only: ${printed}`)
    }, 15_000)
  })

  afterAll(async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  })

  it('prints where it listens, and a key', () => {
    expect(printed).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+\n/)
    expect(printed).toMatch(/API key.*: sk-lazu-\w{30,}\n/)
  })

  it('prints a command for everything there is to see', async () => {
    const titles = commandsIn(printed).map(({ title }) => title)
    expect(titles).toEqual(curlLines('', await createDemo()).map(({ title }) => title))
    expect(titles).toHaveLength(6)
  })

  it.skipIf(curl === undefined)('prints commands that do what it says', async () => {
    for (const { title, command, status } of commandsIn(printed)) {
      const quiet = `${command} -s -o /dev/null -w '%{http_code}\\n'`
      const { stdout } = await run('sh', ['-c', quiet])
      expect([title, stdout.trim().split('\n').at(-1)]).toEqual([title, status])
    }
  })
})

describe.concurrent('npm start', () => {
  it('says that the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, stderr } = await failure(script('express', 'start'), port)
    holder.close()
    expect(code).toBe(1)
    expect(stderr).toBe(
      `Port ${port} is taken. Choose another one, or 0 for any: PORT=0 npm start\n`,
    )
  })

  it.for(['', '65536'])('takes no PORT that is %j', async (port) => {
    const { code, stderr } = await failure(script('express', 'start'), port)
    expect(code).toBe(1)
    expect(stderr).toBe(`PORT must be a number from 0 to 65535, but is ${JSON.stringify(port)}.\n`)
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

function script(example: string, name: string): string {
  return fileURLToPath(new URL(`../examples/${example}/dist/${name}.js`, import.meta.url))
}

/** Runs a script that should fail. */
async function failure(path: string, port: string): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [path], { env: { ...process.env, PORT: port } })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const [code]: unknown[] = await once(child, 'close')
  return { code, stderr }
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
