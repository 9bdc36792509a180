import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorOf, folderWith, gateway, runIn, spawnLazu } from './command.js'

const inMemory = `
  import { createKeys, MemoryLedger } from '@lazu/core'
  const keys = createKeys()
  const ledger = new MemoryLedger()
  ledger.credit('acme', 5_000_000, 'start')
`

const asObject = `${inMemory}
  export default { gateway: { keys, ledger } }`
const typed = `${inMemory}
  import { defineConfig, type LazuConfig } from 'lazu'
  import { urlOf } from './server.js'
  const url: string = await Promise.resolve(urlOf(3000))
  export default defineConfig({ gateway: { keys, ledger }, url } satisfies LazuConfig)`

/** Runs a command that must end with 3, and gives what it said. */
async function refused(
  files: Readonly<Record<string, string>>,
  argv: readonly string[] = ['keys', 'list'],
): Promise<{ message: string; folder: string }> {
  const folder = await folderWith(files)
  const people = await runIn(folder, argv)
  expect(people).toMatchObject({ code: 3, stdout: '' })
  expect(people.stderr).toMatch(/^error: [^\n]+\n$/)
  const json = await runIn(folder, [...argv, '--json'])
  expect(json.code).toBe(3)
  const { code, message } = errorOf(json)
  expect(code).toBe('configuration')
  expect(people.stderr).toBe(`error: ${message}\n`)
  return { message, folder }
}

describe('a configuration', () => {
  it.each([
    ['lazu.config.ts', typed],
    ['lazu.config.ts', asObject],
    ['lazu.config.js', asObject],
    ['lazu.config.mjs', asObject],
    ['lazu.config.mjs', `${inMemory} export default () => ({ gateway: { keys, ledger } })`],
    ['lazu.config.mjs', `${inMemory} export default async () => ({ gateway: { ledger } })`],
    ['lazu.config.mjs', `${inMemory} export default Promise.resolve({ gateway: { ledger } })`],
  ])('is read from %s', async (name, text) => {
    const folder = await folderWith({
      [name]: text,
      'package.json': '{ "type": "module" }',
      'server.ts':
        'export function urlOf(port: number): string { return `http://localhost:${port}` }',
    })
    const ran = await spawnLazu(folder, ['accounts', 'balance', 'acme'])
    expect(ran.stderr).toBe('')
    expect(ran.stdout).toMatch(/^available +\$5\.0000$/m)
    expect(ran.code).toBe(0)
  })

  it('shares its packages with the command, so that nothing is there twice', async () => {
    const folder = await folderWith({
      'lazu.config.ts': `
        import { GatewayError, createKeys } from '@lazu/core'
        const keys = createKeys()
        keys.list = () => { throw new GatewayError('store_read_failed', { cause: new Error('gone') }) }
        export default { gateway: { keys } }`,
    })
    const ran = await spawnLazu(folder, ['keys', 'list', '--json'])
    expect(ran.code).toBe(3)
    expect(errorOf(ran)).toMatchObject({
      code: 'store',
      message: expect.stringContaining(': gone.'),
    })
  })

  it('is the file that --config names', async () => {
    const folder = await folderWith({
      'lazu.config.mjs': 'throw new Error("not this one")',
      'other.mjs': asObject,
    })
    for (const path of ['other.mjs', './other.mjs', join(folder, 'other.mjs')]) {
      const ran = await runIn(folder, ['accounts', 'balance', 'acme', '--config', path])
      expect(ran).toMatchObject({ code: 0, stderr: '' })
    }
  })

  it('is looked for under its names in their order', async () => {
    const folder = await folderWith({
      'lazu.config.ts': asObject,
      'lazu.config.mjs': 'throw new Error("not this one")',
    })
    expect(await runIn(folder, ['accounts', 'list'])).toMatchObject({ code: 0 })
  })

  it('is closed once when the command is done, and when it fails', async () => {
    const { lazu, closed } = await gateway()
    await lazu(['keys', 'list'])
    expect(closed()).toBe(1)
    await lazu(['keys', 'show', 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'])
    expect(closed()).toBe(2)
    await lazu(['keys', 'list', '--limit', 'wrong'])
    expect(closed()).toBe(2)
  })

  it('that cannot be closed is told', async () => {
    const { lazu } = await gateway({
      config: { close: () => Promise.reject(new Error('the file is gone')) },
    })
    const ran = await lazu(['keys', 'list'])
    expect(ran).toMatchObject({ code: 3, stderr: 'error: the file is gone.\n' })
    const wrong = await lazu(['keys', 'show', 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'])
    expect(wrong.code).toBe(1)
  })
})

describe('a configuration that cannot be used', () => {
  it('as there is none: says which names were looked for, where, and what one looks like', async () => {
    const { message, folder } = await refused({})
    expect(message).toContain(
      `There is no lazu.config.ts, lazu.config.js or lazu.config.mjs in ${folder}.`,
    )
    expect(message).toContain('--config')
    expect(message).toContain('export default defineConfig({ gateway: { keys, ledger } })')
  })

  it('as the file named is not there', async () => {
    const { message, folder } = await refused({}, ['keys', 'list', '--config', 'nowhere.ts'])
    expect(message).toBe(`There is no file ${join(folder, 'nowhere.ts')}. Look at --config.`)
  })

  it.each([
    ['mjs', 'throw new Error("no pepper in the environment")', 'no pepper in the environment.'],
    ['ts', 'throw new Error("no pepper in the environment")', 'no pepper in the environment.'],
    ['mjs', 'throw "text"', 'text.'],
    ['mjs', 'export default () => { throw new Error("no disk") }', 'no disk.'],
    ['mjs', 'export default Promise.reject(new Error("no network"))', 'no network.'],
    ['ts', 'export default = 5', 'Unexpected'],
    ['mjs', 'export default = 5', 'Unexpected'],
    ['ts', "import 'not-installed'", 'not-installed'],
    ['mjs', "import 'not-installed'", 'not-installed'],
    [
      'mjs',
      "import { createKeys } from '@lazu/core'; createKeys({ prefx: 'a' })",
      'createKeys().prefx is not an option.',
    ],
  ])('as it cannot be loaded: names the %s file of %j', async (extension, text, problem) => {
    const { message, folder } = await refused({ [`lazu.config.${extension}`]: text })
    expect(message).toContain(`${join(folder, `lazu.config.${extension}`)} cannot be loaded: `)
    expect(message).toContain(problem)
    expect(message).not.toContain('Require stack')
  })

  it('as it is an ES module that Node takes for CommonJS', async () => {
    const folder = await folderWith({
      'lazu.config.js': asObject,
      'package.json': '{ "type": "commonjs" }',
    })
    const { code, stderr } = await spawnLazu(folder, ['keys', 'list'])
    expect(code).toBe(3)
    expect(stderr).toContain('Name it lazu.config.mjs')
  })

  it.each([
    ['export const config = {}', 'has no default export.'],
    ['export default undefined', 'has no default export.'],
    ['export default () => undefined', 'gives nothing.'],
    ['export default null', 'lazu.config.mjs is null.'],
    ['export default 5', 'lazu.config.mjs is 5.'],
    ['export default {}', 'lazu.config.mjs.gateway is missing.'],
    ['export default { gateway: 5 }', 'lazu.config.mjs.gateway is 5.'],
    ['export default { gateway: {}, ruotes: [] }', 'lazu.config.mjs.ruotes is not an option.'],
    ['export default { gateway: {}, url: "x" }', 'lazu.config.mjs.url is "x".'],
    ['export default { gateway: {}, url: "ftp://x" }', 'lazu.config.mjs.url is "ftp://x".'],
    ['export default { gateway: {}, routes: "/" }', 'lazu.config.mjs.routes is "/".'],
    ['export default { gateway: {}, routes: ["/v1"] }', 'lazu.config.mjs.routes[0] is "/v1".'],
    ['export default { gateway: {}, serve: 5 }', 'lazu.config.mjs.serve is 5.'],
    ['export default { gateway: {}, close: 5 }', 'lazu.config.mjs.close is 5.'],
    ['export default { gateway: { keys: {} } }', 'lazu.config.mjs.gateway.keys is an object.'],
    ['export default { gateway: { ledger: 1 } }', 'lazu.config.mjs.gateway.ledger is 1.'],
    ['export default { gateway: {} }', 'lazu.config.mjs.gateway.keys is missing.'],
  ])('as it is wrong: %s', async (text, problem) => {
    const { message } = await refused({ 'lazu.config.mjs': text })
    expect(message).toContain(problem)
    // How to mend it follows.
    expect(message.slice(message.indexOf(problem) + problem.length)).toMatch(/^ [A-Z].+[.})]$/)
  })

  it('as it has no ledger, where accounts are asked for', async () => {
    const { message } = await refused({ 'lazu.config.mjs': 'export default { gateway: {} }' }, [
      'accounts',
      'list',
    ])
    expect(message).toContain('lazu.config.mjs.gateway.ledger is missing.')
  })
})
