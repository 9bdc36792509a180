import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { SqliteDatabase } from '@lazu/sqlite'
import { expect, it } from 'vitest'
import { runDatabaseContracts } from './store-contracts.js'

// Node has it from 22.13 on.
const sqlite: object | undefined = process.getBuiltinModule('node:sqlite')

const runHere = sqlite === undefined ? testInAnotherNode : testInThisNode
runHere()

function testInThisNode(): void {
  const { DatabaseSync }: { DatabaseSync?: new (path: string) => SqliteDatabase } = sqlite ?? {}
  if (DatabaseSync === undefined) throw new Error('node:sqlite has no DatabaseSync')
  const open = (path: string): SqliteDatabase => {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    return database
  }
  runDatabaseContracts('a database of node:sqlite', open, 10)
}

function testInAnotherNode(): void {
  it('holds on node:sqlite, in a Node that has it', { timeout: 300_000 }, async ({ skip }) => {
    const problem = await npx(['--version']).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : 'npx failed'),
    )
    if (problem !== undefined) {
      // Where the network is away this must not stop anybody, but a pipeline must not pass it over.
      if (process.env['CI'] === 'true') throw new Error(problem)
      process.stderr.write(`node:sqlite is NOT TESTED: npx has no Node 24. ${problem}\n`)
      return skip('npx has no Node 24')
    }
    const report = await npx(['node_modules/vitest/vitest.mjs', ...thisTest])
    const { numTotalTests, numPassedTests }: Record<string, unknown> = JSON.parse(report)
    expect(numTotalTests).toBeGreaterThan(100)
    expect(numPassedTests).toBe(numTotalTests)
  })
}

const root = fileURLToPath(new URL('../../..', import.meta.url))
const node24 = ['--yes', '--prefer-offline', '-p', 'node@24', 'node']
const thisTest = ['run', 'packages/sqlite/test/node-sqlite.test.ts', '--reporter=json']

/** What a program prints in Node 24. Fails when it does. */
async function npx(program: readonly string[]): Promise<string> {
  const env = { ...process.env }
  // What vitest tells its own children.
  for (const name of Object.keys(env)) if (name.startsWith('VITEST')) delete env[name]
  const options = { cwd: root, env, maxBuffer: 64 * 1024 * 1024 }
  const { stdout } = await promisify(execFile)('npx', [...node24, ...program], options)
  return stdout
}
