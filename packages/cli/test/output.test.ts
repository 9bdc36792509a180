import { MemoryKeyStore, type ApiKey } from '@lazu/core'
import { describe, expect, it } from 'vitest'
import { errorOf, gateway } from './command.js'

// Clears the screen, by two ways; sets the title; turns text around; ends a line.
const hostile = 'a\u001b[2J\u009b2J\u001b]0;owned\u0007\u202eb\r\n\u2028c'

/** A store in which somebody else left a name that no key of ours could have. */
function storeWith(name: string): MemoryKeyStore {
  const store = new MemoryKeyStore()
  const key: ApiKey = {
    id: 'key_01JD3M7Q4R5S6T7V8W9XABCDEF',
    account: 'acme',
    name,
    shown: '…',
    status: 'active',
    metadata: { [name]: name },
    createdAtMs: Date.UTC(2026, 0, 1),
    revision: 1,
    digest: 'd'.repeat(64),
  }
  store.insert(key)
  return store
}

/** All that is no plain text, but for line feeds. */
const dangerous = /[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

describe('what is printed', () => {
  it('holds no stored escape sequence', async () => {
    const { lazu } = await gateway({ store: storeWith(hostile) })
    const id = 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'
    const list = await lazu(['keys', 'list'])
    expect(list.stdout).toContain(String.raw`a\x1b[2J\x9b2J\x1b]0;owned\x07\u202eb\x0d\n\u2028c`)
    expect(list.stdout.split('\n')).toHaveLength(3)
    const commands = [
      ['keys', 'list', '--json'],
      ['keys', 'show', id],
      ['keys', 'show', id, '--json'],
      ['keys', 'disable', id],
      ['keys', 'enable', id, '--json'],
    ]
    for (const argv of commands) {
      const { code, stdout } = await lazu(argv)
      expect(code).toBe(0)
      expect(stdout).toContain('owned')
      expect(stdout).not.toMatch(dangerous)
    }
  })

  it.each([
    ['a zero-width space', '\u200b', String.raw`\u200b`],
    ['a zero-width joiner', '\u200d', String.raw`\u200d`],
    ['a soft hyphen', '\u00ad', String.raw`\xad`],
    ['a byte order mark', '\ufeff', String.raw`\ufeff`],
    ['a tag', '\u{e0041}', String.raw`\u{e0041}`],
    ['a variation selector', '\ufe0f', String.raw`\ufe0f`],
    ['a filler', '\u3164', String.raw`\u3164`],
    ['a combining grapheme joiner', '\u034f', String.raw`\u034f`],
    ['a blank of Braille', '\u2800', String.raw`\u2800`],
    ['a no-break space', '\u00a0', String.raw`\xa0`],
    ['a backslash', '\\', String.raw`\\`],
  ])('shows %s, so that no name looks like another', async (_, hidden, shown) => {
    const { ledger, lazu } = await gateway()
    const account = `ac${hidden}me`
    ledger.createAccount('acme')
    ledger.createAccount(account)
    const list = await lazu(['accounts', 'list'])
    expect(list.stdout).toMatch(/^acme /m)
    expect(list.stdout).toContain(`\nac${shown}me `)
    const balance = await lazu(['accounts', 'balance', account])
    expect(balance.stdout).toContain(`  ac${shown}me\n`)
    const json = await lazu(['accounts', 'list', '--json'])
    expect(hidden === '\\' || !json.stdout.includes(hidden)).toBe(true)
    expect(JSON.parse(json.stdout)).toMatchObject({ accounts: { length: 2 } })
    const names: { accounts: { account: string }[] } = JSON.parse(json.stdout)
    expect(names.accounts.map((each) => each.account)).toContain(account)
  })

  it('shows blanks at the ends of a name', async () => {
    const { ledger, lazu } = await gateway()
    ledger.createAccount('acme ')
    ledger.createAccount(' acme')
    const { stdout } = await lazu(['accounts', 'list'])
    expect(stdout).toContain(String.raw`acme\x20`)
    expect(stdout).toContain(String.raw`\x20acme`)
  })

  it('leaves all scripts readable', async () => {
    const { ledger, lazu } = await gateway()
    const names = [
      'Ærøskøbing',
      'Ελλάδα',
      'Київ',
      'ירושלים',
      'القاهرة',
      'हिन्दी',
      '東京',
      'ไทย',
      '한국',
    ]
    for (const name of names) ledger.createAccount(name)
    const { stdout } = await lazu(['accounts', 'list'])
    for (const name of names) expect(stdout).toContain(name)
  })

  it('is JSON that reads back as what was stored', async () => {
    const { lazu } = await gateway({ store: storeWith(hostile) })
    const { stdout } = await lazu(['keys', 'list', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ keys: [{ name: hostile }] })
  })

  it('holds no escape sequence of an argument either', async () => {
    const { lazu } = await gateway()
    for (const argv of [[hostile], ['keys', hostile], ['keys', 'list', '--limit', hostile]]) {
      for (const json of [[], ['--json']]) {
        const { code, stderr } = await lazu([...argv, ...json])
        expect(code).toBe(2)
        expect(stderr).not.toMatch(dangerous)
      }
    }
  })

  it('holds no escape sequence in a question', async () => {
    const { lazu } = await gateway({ store: storeWith(hostile) })
    const argv = ['keys', 'revoke', 'key_01JD3M7Q4R5S6T7V8W9XABCDEF']
    const { stderr } = await lazu(argv, { typed: '\n' })
    const [question = ''] = stderr.split('[y/N]')
    expect(question).toContain('owned')
    expect(question).not.toMatch(dangerous)
  })

  it('has bold heads on a terminal, unless NO_COLOR is set', async () => {
    const { lazu } = await gateway({ store: storeWith('plain') })
    const bold = '\u001b[1mId\u001b[22m'
    expect((await lazu(['keys', 'list'], { typed: '' })).stdout).toContain(bold)
    expect((await lazu(['keys', 'list'])).stdout).not.toContain('\u001b')
    const quiet = await lazu(['keys', 'list'], { typed: '', env: { NO_COLOR: '1' } })
    expect(quiet.stdout).not.toContain('\u001b')
  })
})

describe('help', () => {
  it('is what lazu alone shows', async () => {
    const { lazu } = await gateway()
    const { code, stdout, stderr } = await lazu([])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toContain('Usage: lazu')
    expect(stdout).toContain('Exit codes:')
  })

  it.each([
    ...['create', 'list', 'show', 'disable', 'enable', 'revoke', 'rotate', 'import'].map(
      (name) => `keys ${name}`,
    ),
    ...['create', 'list', 'credit', 'balance', 'usage'].map((name) => `accounts ${name}`),
    'trace',
    'doctor',
    'serve',
  ])('of %s has examples', async (command) => {
    const { lazu } = await gateway()
    const { code, stdout } = await lazu([...command.split(' '), '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/\nExamples?:\n/)
    expect(stdout).toContain(`  $ lazu ${command}`)
    expect(stdout).toContain('--json')
  })

  it('is shown, and nothing done, where a command is missing', async () => {
    const { lazu } = await gateway()
    const people = await lazu(['keys'])
    expect(people).toMatchObject({ code: 2, stdout: '' })
    expect(people.stderr).toContain('Usage: lazu keys')
    const programs = await lazu(['keys', '--json'])
    expect(programs).toMatchObject({ code: 2, stdout: '' })
    expect(errorOf(programs)).toEqual({
      code: 'usage',
      message: 'A command is missing. Look at --help.',
      param: null,
    })
  })
})

describe('a wrong use', () => {
  it.each([
    [['kyes'], /^Unknown command 'kyes' \(Did you mean keys\?\)\.$/, null],
    [['keys', 'lst'], /^Unknown command 'lst' \(Did you mean list\?\)\.$/, null],
    [
      ['keys', 'list', '--acount', 'a'],
      /^Unknown option '--acount' \(Did you mean --account\?\)/,
      '--acount',
    ],
    [
      ['keys', 'list', '--account'],
      /^Option '--account <account>' argument missing\.$/,
      '--account',
    ],
    [['keys', 'create', '--name', 'n'], /^Required option '--account <account>'/, '--account'],
    [['keys', 'show'], /^Missing required argument 'id'\.$/, '<id>'],
    [['accounts', 'balance', 'a', 'b'], /^Too many arguments/, null],
  ])('of %j ends with 2, and one line', async (argv, message, param) => {
    const { lazu } = await gateway()
    const people = await lazu(argv)
    expect(people).toMatchObject({ code: 2, stdout: '' })
    expect(people.stderr).toMatch(/^error: [^\n]+\n$/)
    const programs = await lazu(['--json', ...argv])
    expect(programs.code).toBe(2)
    expect(errorOf(programs)).toEqual({
      code: 'usage',
      message: expect.stringMatching(message),
      param,
    })
  })

  it('shows a stack only where LAZU_DEBUG is set', async () => {
    const { lazu } = await gateway()
    const argv = ['keys', 'list', '--limit', '0']
    expect((await lazu(argv)).stderr).not.toContain('    at ')
    const { code, stderr } = await lazu(argv, { env: { LAZU_DEBUG: '1' } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: .+\nCommandError: .+\n    at /)
  })
})
