import { createKeys } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { errorOf, folderWith, gateway, runIn, spawnLazu } from './command.js'

const ownPrefix = createKeys({ prefix: 'acme_live_' })

/** A key of this project, one with a prefix of its own, and some that were made elsewhere. */
async function keysToHide(): Promise<readonly string[]> {
  const { key } = await createKeys().create({ account: 'acme', name: 'n' })
  const own = await ownPrefix.create({ account: 'acme', name: 'n' })
  return [key, own.key, 'elsewhere_0123456789abcdef', 'sk-proj-0123456789ABCDEF0123']
}

const hidden = /not shown/

describe('what may be a key', () => {
  it.each([
    ['a command', (key: string) => [key]],
    ['a command of keys', (key: string) => ['keys', key]],
    ['a command of accounts', (key: string) => ['accounts', key]],
    ['an option', (key: string) => ['keys', 'list', `--${key}`]],
    ['a short option', (key: string) => ['keys', 'list', `-${key}`]],
    ['a choice', (key: string) => ['accounts', 'usage', 'acme', '--by', key]],
    ['a number', (key: string) => ['keys', 'list', '--limit', key]],
    ['dollars', (key: string) => ['accounts', 'credit', 'acme', key]],
    ['a day', (key: string) => ['accounts', 'usage', 'acme', '--from', key]],
    ['a grace', (key: string) => ['keys', 'rotate', `key_${'0'.repeat(26)}`, '--grace', key]],
    ['a route', (key: string) => ['doctor', '--route', key]],
    [
      'a moment',
      (key: string) => ['keys', 'create', '--account', 'a', '--name', 'n', '--expires', key],
    ],
    [
      'metadata',
      (key: string) => ['keys', 'create', '--account', 'a', '--name', 'n', '--metadata', key],
    ],
  ])('is not shown where it stands in the place of %s', async (_, argvOf) => {
    const { lazu } = await gateway()
    for (const key of await keysToHide()) {
      for (const json of [[], ['--json']]) {
        const ran = await lazu([...json, ...argvOf(key)], { env: { LAZU_DEBUG: '1' } })
        expect(ran.code).toBe(2)
        expect(ran.stdout + ran.stderr).not.toContain(key.slice(-20))
        expect(ran.stderr).toMatch(hidden)
      }
    }
  })

  it.each([
    ['accounts balance', (key: string) => ['accounts', 'balance', key], '<account>'],
    ['accounts credit', (key: string) => ['accounts', 'credit', key, '5'], '<account>'],
    [
      'a reference',
      (key: string) => ['accounts', 'credit', 'acme', '5', '--reference', key],
      '--reference',
    ],
    ['keys list', (key: string) => ['keys', 'list', '--account', key], '--account'],
    [
      'keys create',
      (key: string) => ['keys', 'create', '--account', 'acme', '--name', key],
      '--name',
    ],
  ])('is taken for no name by %s, where it is sure to be one', async (_, argvOf, param) => {
    const { lazu, ledger } = await gateway()
    const [ours = '', own = '', , foreign = ''] = await keysToHide()
    for (const key of [ours, own, foreign]) {
      const ran = await lazu([...argvOf(key), '--json'])
      expect(ran.code).toBe(2)
      expect(errorOf(ran).param).toBe(param)
      expect(ran.stdout + ran.stderr).not.toContain(key)
    }
    expect(ledger.accounts({ limit: 10 })).toEqual([])
  })

  it('is no name that only begins as one', async () => {
    const { lazu } = await gateway()
    for (const account of ['pk-telecom-international', 'sk-slovakia-production-eu']) {
      const ran = await lazu(['accounts', 'balance', account])
      expect(ran).toMatchObject({ code: 0, stderr: '' })
      expect(ran.stdout).toContain(account)
    }
  })

  it('is not shown by trace, whatever its prefix', async () => {
    const { lazu } = await gateway()
    const [ours = '', own = ''] = await keysToHide()
    for (const key of [ours, own, own.slice(0, -1), 'elsewhere_0123456789abcdef']) {
      const ran = await lazu(['trace', key], { env: { LAZU_DEBUG: '1' } })
      expect([1, 2]).toContain(ran.code)
      expect(ran.stdout + ran.stderr).not.toContain(key.slice(0, 20))
    }
  })

  it('is not in a stack either', async () => {
    const folder = await folderWith({})
    const argv = ['keys', 'import', '--account', 'a', '--name', 'n']
    for (const key of await keysToHide()) {
      const ran = await spawnLazu(folder, [...argv, `--key=${key}`], { env: { LAZU_DEBUG: '1' } })
      expect(ran.code).toBe(2)
      expect(ran.stderr).toMatch(
        /^error: Unknown option '--key'[^\n]*\nCommanderError: .+\n {4}at /,
      )
      expect(ran.stderr).not.toContain(key.slice(-12))
    }
  })

  it('is not shown in what a configuration, or a store, throws', async () => {
    const [ours = '', own = ''] = await keysToHide()
    for (const key of [ours, own]) {
      const folder = await folderWith({
        'lazu.config.mjs': `throw new Error('no store at redis://me:pass-word@host takes ${key}')`,
      })
      const ran = await runIn(folder, ['keys', 'list'], { env: { LAZU_DEBUG: '1' } })
      expect(ran.code).toBe(3)
      expect(ran.stderr).toContain('no store at redis://')
      expect(ran.stderr).not.toContain(key)
      expect(ran.stderr).not.toContain('pass-word')
    }
  })
})
