import { createKeys, MemoryKeyStore, type ApiKey, type Keys } from '@lazu/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { errorOf, gateway, type Ran } from './command.js'

afterEach(() => {
  vi.useRealTimers()
})

const secretForm = /sk-lazu-[0-9A-Za-z]{38}/
const idForm = /key_[0-9A-Z]{26}/
const nobody = 'key_01JD3M7Q4R5S6T7V8W9XABCDEF'

interface Made {
  readonly key: string
  readonly record: Record<string, unknown> & { readonly id: string }
}

function madeBy({ stdout }: Ran): Made {
  return JSON.parse(stdout)
}

async function only(keys: Keys): Promise<ApiKey> {
  const [key, ...others] = await keys.list()
  if (key === undefined || others.length > 0) throw new Error('there is not exactly one key')
  return key
}

describe('lazu keys create', () => {
  it('takes an expiry that is longer than any timer', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) })
    const { keys, lazu } = await gateway()
    const argv = ['keys', 'create', '--account', 'acme', '--name', 'n', '--expires', '600h']
    expect(await lazu(argv)).toMatchObject({ code: 0, stderr: '' })
    expect((await only(keys)).expiresAtMs).toBe(Date.UTC(2026, 10, 21) + 600 * 3_600_000)
  })

  it('shows a key that works, with a word that it is shown only now', async () => {
    const { keys, lazu } = await gateway()
    const { code, stdout, stderr } = await lazu([
      'keys',
      'create',
      '--account',
      'acme',
      '--name',
      'production',
    ])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toContain('This is the only time the key is shown.')
    const [secret = ''] = secretForm.exec(stdout) ?? []
    expect(await keys.authenticate(secret)).toMatchObject({ account: 'acme', name: 'production' })
    expect(stdout.split(secret)).toHaveLength(2)
  })

  it('sets what its options say', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) })
    const { keys, lazu } = await gateway()
    const options =
      '--tier gold --rpm 600 --tpm 100000 --concurrency 8 --model gpt-5 gpt-5-mini ' +
      '--allow 203.0.113.0/24 --allow 2001:db8::/32 --cap-total 1000 --cap-day 0.5 ' +
      '--cap-month 12.345678 --lane cheap --expires 2026-12-31 --metadata team=search formula=a=b'
    const argv = ['keys', 'create', '--account', 'acme', '--name', 'all of it']
    const { code, stderr } = await lazu([...argv, ...options.split(' ')])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(await only(keys)).toMatchObject({
      account: 'acme',
      name: 'all of it',
      tier: 'gold',
      limits: { rpm: 600, tpm: 100_000, concurrency: 8 },
      models: ['gpt-5', 'gpt-5-mini'],
      allow: ['203.0.113.0/24', '2001:db8::/32'],
      caps: { total: 1_000_000_000, day: 500_000, month: 12_345_678 },
      lane: 'cheap',
      expiresAtMs: Date.UTC(2026, 11, 31),
      metadata: { team: 'search', formula: 'a=b' },
    })
  })

  it.each([
    ['30d', Date.UTC(2026, 11, 21, 12)],
    ['36h', Date.UTC(2026, 10, 23)],
    ['2027-02-28', Date.UTC(2027, 1, 28)],
    ['2026-12-31T18:00Z', Date.UTC(2026, 11, 31, 18)],
    ['2026-12-31T18:00:30+01:00', Date.UTC(2026, 11, 31, 17, 0, 30)],
  ])('takes %s as when it expires', async (text, expiresAtMs) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21, 12) })
    const { keys, lazu } = await gateway()
    const { code } = await lazu([
      'keys',
      'create',
      '--account',
      'acme',
      '--name',
      'short',
      '--expires',
      text,
    ])
    expect(code).toBe(0)
    expect((await only(keys)).expiresAtMs).toBe(expiresAtMs)
  })

  it('writes the key, and its record without digests, as JSON', async () => {
    const { keys, lazu } = await gateway()
    const ran = await lazu([
      'keys',
      'create',
      '--account',
      'acme',
      '--name',
      'ci',
      '--cap-day',
      '1.5',
      '--json',
    ])
    const { key, record } = madeBy(ran)
    expect(key).toMatch(secretForm)
    const stored = await only(keys)
    expect(record).toEqual({
      id: stored.id,
      account: 'acme',
      name: 'ci',
      shown: `sk-lazu-…${key.slice(-4)}`,
      status: 'active',
      createdAtMs: stored.createdAtMs,
      revision: 1,
      caps: { day: { micros: 1_500_000, usd: '$1.5000' } },
    })
    expect(ran.stdout).not.toContain(stored.digest)
  })

  it.each([
    ['--rpm', 'many'],
    ['--rpm', '0'],
    ['--rpm', '1.5'],
    ['--rpm', '-1'],
    ['--rpm', '99999999999999999'],
    ['--cap-day', '-1'],
    ['--cap-day', '0'],
    ['--cap-day', '1.2345678'],
    ['--cap-day', '1e3'],
    ['--cap-day', '9999999999'],
    ['--allow', '10.0.0.0/33'],
    ['--allow', '0.0.0.0/0'],
    ['--expires', 'tomorrow'],
    ['--expires', '2026-02-30'],
    ['--expires', '2020-01-01'],
    ['--expires', '2126-12-31T18:00'],
    ['--expires', '0d'],
    ['--metadata', 'team'],
    ['--metadata', '=search'],
    ['--tier', ''],
    ['--model', ''],
    ['--name', 'a\u001b[2J'],
    ['--account', 'x'.repeat(201)],
  ])('refuses %s %j, and names the option', async (option, value) => {
    const { keys, lazu } = await gateway()
    const argv = ['keys', 'create', '--account', 'acme', '--name', 'n', option, value]
    const ran = await lazu(argv)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(new RegExp(`^error: ${option} [^\\n]+\\n$`))
    expect(errorOf(await lazu([...argv, '--json']))).toMatchObject({ code: 'usage', param: option })
    expect(await keys.list()).toEqual([])
  })

  it('refuses metadata that is given twice', async () => {
    const { lazu } = await gateway()
    const { code, stderr } = await lazu([
      'keys',
      'create',
      '--account',
      'a',
      '--name',
      'n',
      '--metadata',
      'a=1',
      'a=2',
    ])
    expect(code).toBe(2)
    expect(stderr).toContain('--metadata has "a=2"')
  })
})

describe('a key in the memory of this process', () => {
  const create = ['keys', 'create', '--account', 'acme', '--name', 'n']
  const takeOver = ['keys', 'import', '--account', 'acme', '--name', 'n']
  const foreign = { input: 'elsewhere_0123456789abcdef' }

  it.each([['create', create] as const, ['import', takeOver] as const])(
    'is warned of by %s',
    async (_, argv) => {
      for (const keys of [createKeys(), createKeys({ store: new MemoryKeyStore() })]) {
        const { lazu } = await gateway({ config: { gateway: { keys } } })
        const people = await lazu(argv, foreign)
        expect(people.code).toBe(0)
        expect(people.stderr).toMatch(/^warning: This key is gone now: gateway\.keys [^\n]+\n$/)
      }
      const { lazu } = await gateway({ config: { gateway: { keys: createKeys() } } })
      const programs = await lazu([...argv, '--json'], foreign)
      expect(programs).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(programs.stdout)).toMatchObject({ inMemory: true })
    },
  )

  it.each([['create', create] as const, ['import', takeOver] as const])(
    'is none where the store lasts: %s',
    async (_, argv) => {
      const { lazu } = await gateway()
      const programs = await lazu([...argv, '--json'], foreign)
      expect(JSON.parse(programs.stdout)).toMatchObject({ inMemory: false })
    },
  )
})

describe('lazu keys list', () => {
  it('shows a page, and the command for the next one', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { keys, lazu } = await gateway()
    for (const name of ['one', 'two', 'three']) {
      await keys.create({ account: "o'neill & co", name })
      vi.setSystemTime(Date.now() + 1)
    }
    await keys.create({ account: 'other', name: 'four' })
    const first = await lazu(['keys', 'list', '--account', "o'neill & co", '--limit', '2'])
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(/^Id +Account +Name +Key +Status +Created +Expires\nkey_/)
    expect(first.stdout).toMatch(/ one .*\n.* two .*\n\nNext page: /)
    expect(first.stdout).not.toMatch(/three|four/)
    const [after = ''] = idForm.exec(first.stdout.slice(first.stdout.indexOf('Next page'))) ?? []
    expect(first.stdout).toContain(
      String.raw`Next page: lazu keys list --account 'o'\''neill & co' --limit 2 --after ${after}`,
    )
    const second = await lazu([
      'keys',
      'list',
      '--account',
      "o'neill & co",
      '--limit',
      '2',
      '--after',
      after,
    ])
    expect(second.stdout).toContain('three')
    expect(second.stdout).not.toMatch(/one|two|four|Next page/)
  })

  it('names the configuration in the command for the next page', async () => {
    const { keys, lazu } = await gateway()
    await keys.create({ account: 'acme', name: 'one' })
    const argv = ['--config', './lazu.config.mjs', 'keys', 'list', '--limit', '1']
    expect((await lazu(argv)).stdout).toMatch(
      /Next page: lazu keys list --limit 1 --after key_\w+ --config \.\/lazu\.config\.mjs\n/,
    )
  })

  it('loads one page and no more', async () => {
    const store = new MemoryKeyStore()
    const { keys, lazu } = await gateway({ store })
    for (let made = 0; made < 60; made++) await keys.create({ account: 'acme', name: `n${made}` })
    const list = vi.spyOn(store, 'list')
    const { stdout } = await lazu(['keys', 'list', '--json'])
    expect(list).toHaveBeenCalledExactlyOnceWith({ limit: 50 })
    const { keys: page, next }: { keys: { id: string }[]; next: string } = JSON.parse(stdout)
    expect(page).toHaveLength(50)
    expect(next).toBe(page.at(-1)?.id)
    const rest = await lazu(['keys', 'list', '--after', next, '--json'])
    expect(JSON.parse(rest.stdout)).toMatchObject({ keys: { length: 10 }, next: null })
  })

  it('says when there is nothing', async () => {
    const { lazu } = await gateway()
    expect((await lazu(['keys', 'list'])).stdout).toBe('There are no keys.\n')
    expect((await lazu(['keys', 'list', '--after', nobody])).stdout).toBe(
      'There are no more keys.\n',
    )
    expect(JSON.parse((await lazu(['keys', 'list', '--json'])).stdout)).toEqual({
      keys: [],
      next: null,
    })
  })

  it.each(['0', '1001', 'all'])('refuses a page of %s', async (limit) => {
    const { lazu } = await gateway()
    const ran = await lazu(['keys', 'list', '--limit', limit, '--json'])
    expect(ran.code).toBe(2)
    expect(errorOf(ran).param).toBe('--limit')
  })
})

describe('lazu keys show', () => {
  it('shows what is known of a key, and neither its secret nor its digests', async () => {
    const { keys, lazu } = await gateway()
    const { key, record } = await keys.create({
      account: 'acme',
      name: 'production',
      limits: { rpm: 60 },
      caps: { month: 2_500_000 },
      expiresAtMs: Date.UTC(2126, 0, 1),
      metadata: { team: 'search' },
    })
    const rotated = await keys.rotate(record.id, { graceMs: 3_600_000 })
    const stored = await only(keys)
    const shown = await lazu(['keys', 'show', record.id])
    const json = await lazu(['keys', 'show', record.id, '--json'])
    expect(shown.stdout).toMatch(/^account +acme$/m)
    expect(shown.stdout).toMatch(/^requests\/min +60$/m)
    expect(shown.stdout).toMatch(/^cap, month +\$2\.5000$/m)
    expect(shown.stdout).toMatch(/^expires +2126-01-01 00:00:00 UTC$/m)
    expect(shown.stdout).toMatch(/^metadata team +search$/m)
    expect(shown.stdout).toMatch(
      /^rotation +old key works until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m,
    )
    expect(JSON.parse(json.stdout)).toMatchObject({
      record: {
        id: record.id,
        status: 'active',
        caps: { month: { micros: 2_500_000, usd: '$2.5000' } },
        rotation: { untilMs: stored.rotation?.untilMs },
      },
    })
    const list = await lazu(['keys', 'list'])
    const listJson = await lazu(['keys', 'list', '--json'])
    for (const { stdout, stderr } of [shown, json, list, listJson]) {
      for (const secret of [key, rotated.key, stored.digest, stored.rotation?.digest ?? '']) {
        expect(secret.length).toBeGreaterThan(20)
        expect(stdout + stderr).not.toContain(secret)
      }
    }
  })

  it('says when the time of a key, or of its old secret, is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) })
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({
      account: 'acme',
      name: 'n',
      expiresAtMs: Date.UTC(2026, 10, 22),
    })
    await keys.rotate(record.id, { graceMs: 1_000 })
    vi.setSystemTime(Date.UTC(2026, 10, 23))
    const { stdout } = await lazu(['keys', 'show', record.id])
    expect(stdout).toMatch(/^status +expired$/m)
    expect(stdout).toMatch(/^rotation +old key worked until 2026-11-21 00:00:01 UTC$/m)
  })

  it('ends with 1 for a key that is not there', async () => {
    const { lazu } = await gateway()
    const ran = await lazu(['keys', 'show', nobody])
    expect(ran).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: There is no key with the id ${nobody}.\n`,
    })
  })
})

describe('a whole key in the place of its id', () => {
  it.each([
    ['show', '<id>'],
    ['disable', '<id>'],
    ['enable', '<id>'],
    ['revoke', '<id>'],
    ['rotate', '<id>'],
    ['list', '--after'],
  ])('is refused by %s, and not shown', async (command, param) => {
    const { keys, lazu } = await gateway()
    const { key } = await keys.create({ account: 'acme', name: 'n' })
    const place = param === '--after' ? ['--after', key] : [key]
    for (const json of [[], ['--json']]) {
      const ran = await lazu(['keys', command, ...place, ...json])
      expect(ran.code).toBe(2)
      expect(ran.stdout + ran.stderr).not.toContain(key.slice(8, 20))
      expect(ran.stderr).toContain(`${param} is no key's id`)
    }
  })

  it('is not shown either in an option nobody knows', async () => {
    const { lazu } = await gateway()
    const { code, stderr } = await lazu(['keys', 'list', '--secret=sk-lazu-abcdefghijklmnop'])
    expect(code).toBe(2)
    expect(stderr).toBe("error: Unknown option '--secret'.\n")
  })
})

describe('lazu keys disable, enable and revoke', () => {
  it('change what the key is', async () => {
    const { keys, lazu } = await gateway()
    const { key, record } = await keys.create({ account: 'acme', name: 'production' })
    const disabled = await lazu(['keys', 'disable', record.id])
    expect(disabled.code).toBe(0)
    expect(disabled.stdout).toContain(`${record.id}, "production" of acme, is disabled.`)
    expect(() => keys.authenticate(key)).toThrow(/disabled/)
    const enabled = await lazu(['keys', 'enable', record.id, '--json'])
    expect(JSON.parse(enabled.stdout)).toMatchObject({ record: { status: 'active' } })
    expect(await keys.authenticate(key)).toMatchObject({ id: record.id })
    const revoked = await lazu(['keys', 'revoke', record.id, '--yes'])
    expect(revoked).toMatchObject({ code: 0, stderr: '' })
    expect(() => keys.authenticate(key)).toThrow(/revoked/)
  })

  it('refuse to bring a revoked key back', async () => {
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({ account: 'acme', name: 'n' })
    await keys.revoke(record.id)
    for (const command of ['enable', 'disable']) {
      const ran = await lazu(['keys', command, record.id, '--json'])
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(errorOf(ran)).toMatchObject({ code: 'refused' })
    }
  })

  it('end with 1 for a key that is not there', async () => {
    const { lazu } = await gateway()
    for (const argv of [['disable'], ['enable'], ['revoke', '--yes'], ['rotate']]) {
      const ran = await lazu(['keys', ...argv, nobody, '--json'])
      expect(ran.code).toBe(1)
      expect(errorOf(ran)).toMatchObject({ code: 'not_found', param: '<id>' })
    }
  })

  it('revoke asks a person first', async () => {
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({ account: 'acme', name: 'production' })
    for (const typed of ['n\n', '\n', 'yesterday\n', '', '\u0003']) {
      const ran = await lazu(['keys', 'revoke', record.id], { typed })
      expect(ran.code).toBe(1)
      expect(ran.stderr).toContain(`Revoke ${record.shown}, "production" of acme, for good? [y/N]`)
      expect(ran.stderr).toContain('error: Nothing was changed.')
      expect((await only(keys)).status).toBe('active')
    }
    const ran = await lazu(['keys', 'revoke', record.id], { typed: 'y\n' })
    expect(ran.code).toBe(0)
    expect((await only(keys)).status).toBe('revoked')
  })

  it('revoke wants --yes where there is nobody to ask', async () => {
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({ account: 'acme', name: 'n' })
    const ran = await lazu(['keys', 'revoke', record.id, '--json'], { input: 'y\n' })
    expect(ran.code).toBe(2)
    expect(errorOf(ran)).toMatchObject({ code: 'usage', param: '--yes' })
    expect((await only(keys)).status).toBe('active')
  })
})

describe('lazu keys rotate', () => {
  it('shows the new key once, and until when the old one works', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) })
    const { keys, lazu } = await gateway()
    const { key: old, record } = await keys.create({ account: 'acme', name: 'n' })
    const { code, stdout } = await lazu(['keys', 'rotate', record.id])
    expect(code).toBe(0)
    expect(stdout).toContain('The old key works until 2026-11-22 00:00:00 UTC.')
    const [secret = ''] = secretForm.exec(stdout) ?? []
    expect(await keys.authenticate(secret)).toMatchObject({ id: record.id })
    expect(await keys.authenticate(old)).toMatchObject({ id: record.id })
    expect(stdout).not.toContain(old)
    expect(stdout.split(secret)).toHaveLength(2)
  })

  it.each([
    ['7d', 7 * 86_400_000],
    ['90s', 90_000],
    // Longer than any timer of Node.
    ['600h', 600 * 3_600_000],
    ['52560m', 36.5 * 86_400_000],
    ['366d', 366 * 86_400_000],
  ])('takes a grace of %s', async (grace, graceMs) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) })
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({ account: 'acme', name: 'n' })
    const made = madeBy(await lazu(['keys', 'rotate', record.id, '--grace', grace, '--json']))
    expect(made.record['rotation']).toEqual({ untilMs: Date.UTC(2026, 10, 21) + graceMs })
  })

  it('stops the old key at once without grace', async () => {
    const { keys, lazu } = await gateway()
    const { key: old, record } = await keys.create({ account: 'acme', name: 'n' })
    const { stdout } = await lazu(['keys', 'rotate', record.id, '--grace', '0'])
    expect(stdout).toContain('The old key does not work any more.')
    expect(() => keys.authenticate(old)).toThrow(/key/)
  })

  it.each(['soon', '-1h', '400d'])('refuses a grace of %s', async (grace) => {
    const { keys, lazu } = await gateway()
    const { record } = await keys.create({ account: 'acme', name: 'n' })
    const ran = await lazu(['keys', 'rotate', record.id, '--grace', grace, '--json'])
    expect(ran.code).toBe(2)
    expect(errorOf(ran).param).toBe('--grace')
    expect(errorOf(ran).message).toContain(`--grace is ${JSON.stringify(grace)}`)
    expect(errorOf(ran).message).not.toMatch(/millisecond|\d{7}/)
    expect((await only(keys)).revision).toBe(1)
  })

  it('says how long a grace may be where it is too long', async () => {
    const { lazu } = await gateway()
    const ran = await lazu(['keys', 'rotate', nobody, '--grace', '400d'])
    expect(ran).toMatchObject({
      code: 2,
      stderr:
        'error: --grace is "400d", which is more than 366 days. ' +
        'Write a duration such as 90s, 12h or 30d, 366d at most.\n',
    })
  })
})

describe('lazu keys import', () => {
  const foreign = 'elsewhere_0123456789abcdef'
  const argv = ['keys', 'import', '--account', 'acme', '--name', 'legacy', '--rpm', '5']

  it.each(['', '\n', '\r\n'])('takes a key from a pipe that ends with %j', async (end) => {
    const { keys, lazu } = await gateway()
    const ran = await lazu(argv, { input: foreign + end })
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).not.toContain(foreign)
    expect(await keys.authenticate(foreign)).toMatchObject({ name: 'legacy', limits: { rpm: 5 } })
  })

  it('asks a person, and shows nothing of what is typed', async () => {
    const { keys, lazu } = await gateway()
    const ran = await lazu(argv, { typed: `${foreign}\n` })
    expect(ran.code).toBe(0)
    expect(ran.stderr).toBe('Key (not shown): \n')
    expect(ran.stdout).not.toContain(foreign)
    expect(await keys.authenticate(foreign)).toMatchObject({ account: 'acme' })
  })

  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['a short text', 'short\n'],
    ['a text with a blank in it', `${foreign} ${foreign}`],
    ['more than any key has', 'x'.repeat(10_000_000)],
    ['a mistyped key of ours', 'sk-lazu-DP6V01TqsPBcv1QaY0pzMslC6nWl70uP09Sosk'],
  ])('refuses %s', async (_, input) => {
    const { keys, lazu } = await gateway()
    const ran = await lazu([...argv, '--json'], { input })
    expect(ran.code).toBe(2)
    expect(errorOf(ran)).toMatchObject({ code: 'usage', param: 'stdin' })
    expect(ran.stderr).not.toContain('DP6V01')
    expect(await keys.list()).toEqual([])
  })

  it('takes a key once', async () => {
    const { lazu } = await gateway()
    await lazu(argv, { input: foreign })
    const again = await lazu([...argv, '--json'], { input: foreign })
    expect(again.code).toBe(1)
    expect(errorOf(again).code).toBe('refused')
    expect(again.stderr).not.toContain(foreign)
  })

  it('takes no key as an argument', async () => {
    const { lazu } = await gateway()
    const ran = await lazu([...argv, foreign], { input: foreign })
    expect(ran.code).toBe(2)
    expect(ran.stderr).not.toContain(foreign)
    const help = await lazu(['keys', 'import', '--help'])
    expect(help.stdout).toContain('It is never an argument')
  })
})
