import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { binary, collect, errorOf, folderWith, spawnLazu } from './command.js'

// Each test starts several processes, one after the other.
vi.setConfig({ testTimeout: 60_000 })

const sqlite = `
  import { createKeys, usd } from '@lazu/core'
  import { sqliteStore } from '@lazu/sqlite'
  import { fileURLToPath } from 'node:url'
  const store = sqliteStore({ path: fileURLToPath(new URL('lazu.db', import.meta.url)) })
  export default {
    gateway: {
      keys: createKeys({ store: store.keys }),
      ledger: store.ledger,
      requestLog: store.requestLog,
      prices: { 'gpt-5': { input: usd(1.25), output: usd(10) } },
    },
    close: () => store.close(),
  }`

interface MadeJson {
  readonly key: string
  readonly record: { readonly id: string }
}

describe('lazu on a file', () => {
  it.each(['lazu.config.ts', 'lazu.config.js', 'lazu.config.mjs'])(
    'finds again what it kept, by %s',
    async (name) => {
      const folder = await folderWith({ [name]: sqlite, 'package.json': '{ "type": "module" }' })
      const create = ['keys', 'create', '--account', 'acme', '--name', 'production', '--json']
      const { key, record }: MadeJson = JSON.parse((await spawnLazu(folder, create)).stdout)
      const shown = await spawnLazu(folder, ['keys', 'show', record.id, '--json'])
      expect(shown).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(shown.stdout)).toMatchObject({ record: { name: 'production' } })
      expect(shown.stdout).not.toContain(key)
    },
  )

  it('counts a reference once, whichever process gives it', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': sqlite })
    const credit = ['accounts', 'credit', 'acme', '12.5', '--reference', 'invoice-1']
    for (const { code, stdout } of [
      await spawnLazu(folder, credit),
      await spawnLazu(folder, credit),
      await spawnLazu(folder, ['accounts', 'balance', 'acme']),
    ]) {
      expect(code).toBe(0)
      expect(stdout).toMatch(/^available +\$12\.5000$/m)
    }
  })

  it('keeps no secret in it, and no digest leaves it', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': sqlite })
    const create = ['keys', 'create', '--account', 'acme', '--name', 'n', '--json']
    const made: MadeJson = JSON.parse((await spawnLazu(folder, create)).stdout)
    const rotate = ['keys', 'rotate', made.record.id, '--json']
    const rotated: MadeJson = JSON.parse((await spawnLazu(folder, rotate)).stdout)
    const foreign = 'elsewhere_0123456789abcdef'
    const imported = ['keys', 'import', '--account', 'acme', '--name', 'legacy', '--json']
    expect((await spawnLazu(folder, imported, { input: foreign })).code).toBe(0)
    const names = (await readdir(folder)).filter((name) => name.startsWith('lazu.db'))
    expect(names).toContain('lazu.db')
    const files = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')))
    const text = files.join('')
    expect(text).toContain(made.record.id)
    for (const secret of [made.key, rotated.key, foreign]) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(secret.slice(10, -6))
    }
    const list = await spawnLazu(folder, ['keys', 'list', '--json'])
    expect(list.stdout).toContain(made.record.id)
    expect(list.stdout).not.toMatch(/digest|[0-9a-f]{64}/)
  })

  it('ends with 3 when the file is no database', async () => {
    const folder = await folderWith({
      'lazu.config.mjs': sqlite,
      'lazu.db': 'no database at all, but a text that is long enough'.repeat(100),
    })
    const ran = await spawnLazu(folder, ['keys', 'list'])
    expect(ran).toMatchObject({ code: 3, stdout: '' })
    expect(ran.stderr).toMatch(/^error: [^\n]*lazu\.config\.mjs[^\n]+no SQLite database[^\n]+\n$/)
  })
})

describe('the process', () => {
  it('ends although the configuration keeps something open', async () => {
    const folder = await folderWith({
      'lazu.config.mjs': `
        import { createKeys } from '@lazu/core'
        setInterval(() => {}, 1_000)
        export default { gateway: { keys: createKeys() } }`,
    })
    expect(await spawnLazu(folder, ['keys', 'list'])).toMatchObject({ code: 0, stderr: '' })
  })

  it('writes all it has to say before it ends', async () => {
    const folder = await folderWith({
      'lazu.config.mjs': `
        import { createKeys } from '@lazu/core'
        const keys = createKeys()
        for (let n = 0; n < 1000; n++) keys.create({ account: 'acme', name: 'n'.repeat(200) })
        export default { gateway: { keys } }`,
    })
    const { code, stdout } = await spawnLazu(folder, ['keys', 'list', '--limit', '1000', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ keys: { length: 1_000 } })
  })

  it('does not mind a reader that has seen enough', async () => {
    const folder = await folderWith({
      'lazu.config.mjs': `
        import { createKeys } from '@lazu/core'
        const keys = createKeys()
        for (let n = 0; n < 1000; n++) keys.create({ account: 'acme', name: 'n'.repeat(200) })
        export default { gateway: { keys } }`,
    })
    const child = spawn(process.execPath, [binary, 'keys', 'list', '--limit', '1000'], {
      cwd: folder,
    })
    const stderr = collect(child.stderr)
    child.stdout.destroy()
    await once(child, 'close')
    expect(stderr()).toBe('')
    expect(child.exitCode).toBe(0)
  })

  it('tells its version', async () => {
    const folder = await folderWith({})
    const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
    const { version }: { version: string } = JSON.parse(text)
    expect(await spawnLazu(folder, ['--version'])).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    })
  })
})

/** Starts a server, and waits until it says where it listens. */
async function start(folder: string, ...argv: string[]): Promise<[ChildProcess, () => string]> {
  const child = spawn(process.execPath, [binary, 'serve', ...argv], { cwd: folder })
  onTestFinished(() => void child.kill('SIGKILL'))
  const stdout = collect(child.stdout)
  await vi.waitFor(() => expect(stdout()).toContain('http://'), { timeout: 15_000 })
  return [child, stdout]
}

function urlIn(text: string): string {
  const [url = ''] = /http:\/\/[^\s"]+/.exec(text) ?? []
  return url
}

describe('lazu serve', () => {
  const serving = `
    import { createServer } from 'node:http'
    export default {
      gateway: {},
      serve: ({ port, host = '127.0.0.1' }) =>
        createServer((request, response) => {
          response.write('begun')
          setTimeout(() => response.end(' and ended'), 300)
        }).listen(port, host),
      close: () => console.log('stores closed'),
    }`

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says where it listens, and on %s lets requests finish and closes the stores',
    async (signal) => {
      const folder = await folderWith({ 'lazu.config.mjs': serving })
      const [child, stdout] = await start(folder, '--port', '0')
      expect(stdout()).toMatch(/^Listening on http:\/\/127\.0\.0\.1:\d+\n$/)
      const response = await fetch(urlIn(stdout()))
      child.kill(signal)
      expect(await response.text()).toBe('begun and ended')
      await once(child, 'close')
      expect(child.exitCode).toBe(0)
      expect(stdout()).toMatch(/\nstores closed\n$/)
    },
  )

  it('listens where it is told, and tells programs', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': serving })
    const [, stdout] = await start(folder, '--port', '0', '--host', '::1', '--json')
    const { url }: { url: string } = JSON.parse(stdout())
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect(await (await fetch(url)).text()).toBe('begun and ended')
  })

  it('says so when the port is taken', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': serving })
    const [, stdout] = await start(folder, '--port', '0')
    const { port } = new URL(urlIn(stdout()))
    const second = await spawnLazu(folder, ['serve', '--port', port])
    expect(second.code).toBe(1)
    expect(second.stdout).toBe('stores closed\n')
    expect(second.stderr).toMatch(/^error: The server does not start: [^\n]*EADDRINUSE[^\n]+\n$/)
  })

  it.each([
    ['{ gateway: {} }', 3, 'has no serve. Give a function'],
    ['{ gateway: {}, serve: () => undefined }', 1, 'serve gave no server.'],
    ['{ gateway: {}, serve: () => { throw new Error("no model") } }', 1, 'no model.'],
  ])('says what is missing in %s', async (config, code, problem) => {
    const folder = await folderWith({ 'lazu.config.mjs': `export default ${config}` })
    const ran = await spawnLazu(folder, ['serve'])
    expect(ran.code).toBe(code)
    expect(ran.stderr).toContain(problem)
  })
})

describe('a configuration that never settles', () => {
  const keys = "import { createKeys } from '@lazu/core'\nconst gateway = { keys: createKeys() }\n"

  it.each([
    ['as what it exports', 'export default new Promise(() => {})', 'cannot be loaded'],
    ['as what it awaits', 'await new Promise(() => {}); export default {}', 'cannot be loaded'],
    ['as what its function gives', 'export default () => new Promise(() => {})', 'be loaded'],
    [
      'as a store',
      `${keys}gateway.keys.list = () => new Promise(() => {}); export default { gateway }`,
      'of a store',
    ],
    [
      'as its close()',
      `${keys}export default { gateway, close: () => new Promise(() => {}) }`,
      'close() never ends',
    ],
  ])('%s is told, and ends with 3', async (_, text, problem) => {
    const folder = await folderWith({ 'lazu.config.mjs': text })
    const people = await spawnLazu(folder, ['keys', 'list'])
    expect(people.code).toBe(3)
    expect(people.stderr).toMatch(/^error: [^\n]+\n$/)
    expect(people.stderr).toContain(problem)
    const programs = await spawnLazu(folder, ['keys', 'list', '--json'])
    expect(programs.code).toBe(3)
    const { code, message } = errorOf(programs)
    expect(code).toBe('configuration')
    expect(people.stderr).toBe(`error: ${message}\n`)
  })

  it('is no reason to tell anything where the command ends otherwise', async () => {
    const folder = await folderWith({ 'lazu.config.mjs': 'export default new Promise(() => {})' })
    expect(await spawnLazu(folder, ['keys', '--help'])).toMatchObject({ code: 0, stderr: '' })
  })
})

/** A configuration that throws while a command waits for its keys. */
function later(thrown: string): string {
  return `
    import { EventEmitter } from 'node:events'
    import { createKeys } from '@lazu/core'
    const keys = createKeys()
    keys.list = () => new Promise((resolve) => setTimeout(() => resolve([]), 60_000))
    ${thrown}
    export default { gateway: { keys } }`
}

describe('what a configuration throws later', () => {
  it.each([
    ['a timer', "setTimeout(() => { throw new Error('the store is gone') }, 1)"],
    [
      "a client's event",
      "setTimeout(() => new EventEmitter().emit('error', new Error('the store is gone')), 1)",
    ],
    [
      'a promise nobody awaits',
      "setTimeout(() => void Promise.reject(new Error('the store is gone')), 1)",
    ],
  ])('from %s is told in one line, and ends with 3', async (_, thrown) => {
    const folder = await folderWith({ 'lazu.config.mjs': later(thrown) })
    const people = await spawnLazu(folder, ['keys', 'list'])
    expect(people).toMatchObject({ code: 3, stdout: '' })
    expect(people.stderr).toMatch(/^error: The configuration[^\n]+: the store is gone\.\n$/)
    const programs = await spawnLazu(folder, ['keys', 'list', '--json'])
    expect(programs.code).toBe(3)
    expect(errorOf(programs)).toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('the store is gone.'),
    })
    const debugged = await spawnLazu(folder, ['keys', 'list'], { env: { LAZU_DEBUG: '1' } })
    expect(debugged.code).toBe(3)
    expect(debugged.stderr).toMatch(/lazu\.config\.mjs:\d+/)
  })
})
