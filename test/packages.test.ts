import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const packages = ['core', 'express', 'koa', 'fastify']

it.each(packages)('@lazu/%s can be required from CommonJS without a warning', async (name) => {
  const script = `const lazu = require('@lazu/${name}'); console.log(typeof lazu.GatewayError)`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  expect(stdout.trim()).toBe('function')
  expect(stderr).toBe('')
})

it('offers the same names in the three adapters', async () => {
  const adapters = await Promise.all([
    import('@lazu/express'),
    import('@lazu/koa'),
    import('@lazu/fastify'),
  ])
  const [express, koa, fastify] = adapters.map((adapter) => Object.keys(adapter).toSorted())
  expect(koa).toEqual(express)
  // Fastify has errors that happen before it has a route; the others have none.
  expect(fastify?.filter((name) => name !== 'lazuFrameworkErrors')).toEqual(express)
})

it.each(packages.slice(1))(
  '@lazu/%s imports core and its framework, nothing else',
  async (name) => {
    const url = new URL(`../packages/${name}/package.json`, import.meta.url)
    const { dependencies, peerDependencies } = JSON.parse(await readFile(url, 'utf8')) as {
      dependencies: Record<string, string>
      peerDependencies: Record<string, string>
    }
    expect(Object.keys(peerDependencies)).toEqual([name])
    const allowed = name === 'fastify' ? ['@lazu/core', 'fastify-plugin'] : ['@lazu/core']
    expect(Object.keys(dependencies).toSorted()).toEqual(allowed)
  },
)
