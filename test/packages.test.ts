import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const adapters = ['express', 'koa', 'fastify']
const stores = ['sqlite', 'postgres', 'redis']

it.each([
  ['@lazu/core', 'GatewayError'],
  ...adapters.map((name) => [`@lazu/${name}`, 'GatewayError']),
  ['@lazu/sqlite', 'sqliteStore'],
  ['@lazu/postgres', 'postgresStore'],
  ['@lazu/redis', 'redisLedger'],
  ['lazu', 'defineConfig'],
])('%s can be required from CommonJS without a warning', async (name, member) => {
  const script = `console.log(typeof require('${name}').${member})`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  expect(stdout.trim()).toBe('function')
  expect(stderr).toBe('')
})

it('offers the same names in the three adapters', async () => {
  const modules = await Promise.all([
    import('@lazu/express'),
    import('@lazu/koa'),
    import('@lazu/fastify'),
  ])
  const [express, koa, fastify] = modules.map((adapter) => Object.keys(adapter).toSorted())
  expect(koa).toEqual(express)
  // Fastify has errors that happen before it has a route; the others have none.
  expect(fastify?.filter((name) => name !== 'lazuFrameworkErrors')).toEqual(express)
})

it.each(adapters)('@lazu/%s imports core and its framework, nothing else', async (name) => {
  const url = new URL(`../packages/${name}/package.json`, import.meta.url)
  const { dependencies, peerDependencies } = JSON.parse(await readFile(url, 'utf8')) as {
    dependencies: Record<string, string>
    peerDependencies: Record<string, string>
  }
  expect(Object.keys(peerDependencies)).toEqual([name])
  const allowed = name === 'fastify' ? ['@lazu/core', 'fastify-plugin'] : ['@lazu/core']
  expect(Object.keys(dependencies).toSorted()).toEqual(allowed)
})

it.each(stores)('@lazu/%s stands on core, and on no adapter or other store', async (name) => {
  const url = new URL(`../packages/${name}/package.json`, import.meta.url)
  const { dependencies } = JSON.parse(await readFile(url, 'utf8')) as {
    dependencies: Record<string, string>
  }
  const ours = Object.keys(dependencies).filter((dependency) => dependency.startsWith('@lazu/'))
  expect(ours).toEqual(['@lazu/core'])
})
