import {
  ConfigurationError,
  createKeys,
  GatewayError,
  generateKey,
  KeyConflictError,
  KeyNotFoundError,
  MemoryKeyStore,
  type Condition,
} from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  acme,
  conditionLater,
  CountingStore,
  createFrom,
  errorOf,
  LaterStore,
  mistypedKey,
  now,
  SlowStore,
} from './key-fixtures.js'

let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
})

describe('making a key', () => {
  it('gives the key once and a record without it', () => {
    const store = new MemoryKeyStore()
    const keys = createKeys({ store, clock })
    const settings = {
      expiresAtMs: clock.wallMs() + 1000,
      models: ['gpt-5'],
      allow: ['10.0.0.0/8'],
      tier: 'one',
      limits: { rpm: 5, concurrency: 1 },
      caps: { total: 100 },
      lane: 'cheap',
      metadata: { owner: 'Ada' },
    }
    const { key, record } = now(keys.create({ ...acme, ...settings }))
    expect(record).toMatchObject({
      ...acme,
      ...settings,
      status: 'active',
      shown: `sk-lazu-…${key.slice(-4)}`,
      createdAtMs: clock.wallMs(),
      revision: 1,
    })
    expect(record.id).toMatch(/^key_[0-9A-Z]{26}$/)
    expect(Object.isFrozen(record)).toBe(true)
    expect(keys.authenticate(key)).toEqual(record)
    expect(keys.get(record.id)).toEqual(record)
  })

  it('leaves nothing of the secret in the store', () => {
    const store = new MemoryKeyStore()
    const keys = createKeys({ store, clock })
    const { key, record } = now(keys.create(acme))
    const imported = 'sk-elsewhere-0123456789'
    now(keys.import(imported, acme))
    const rotated = now(keys.rotate(record.id, { graceMs: 1000 })).key
    const kept = JSON.stringify([...store.list({ limit: 100 }), ...now(keys.list())])
    for (const secret of [key, imported, rotated]) {
      for (let at = 0; at + 13 <= secret.length; at++) {
        expect(kept).not.toContain(secret.slice(at, at + 13))
      }
    }
  })

  it('lists keys in the order they were made, in pages, by account', () => {
    const keys = createKeys({ clock })
    const ids = ['a', 'b', 'a', 'b', 'a'].map((account) => {
      clock.advance(1)
      return now(keys.create({ account, name: 'x' })).record.id
    })
    const idsOf = (page: Parameters<typeof keys.list>[0]): string[] =>
      now(keys.list(page)).map((record) => record.id)
    expect(idsOf({})).toEqual(ids)
    expect(idsOf({ limit: 2, after: ids[1] })).toEqual(ids.slice(2, 4))
    expect(idsOf({ account: 'a' })).toEqual([ids[0], ids[2], ids[4]])
    expect(errorOf(() => keys.list({ limit: 0 })).param).toBe('limit')
    expect(errorOf(() => keys.list({ limit: 1001 })).param).toBe('limit')
  })

  const mistakes: [string, unknown, string | undefined, Condition][] = [
    ['no account', { name: 'x' }, 'account', 'parameter_missing'],
    ['an empty account', { account: '', name: 'x' }, 'account', 'value_invalid'],
    ['no name', { account: 'x' }, 'name', 'parameter_missing'],
    ['201 characters', { account: 'x', name: 'x'.repeat(201) }, 'name', 'value_invalid'],
    ['a control character', { account: 'x\0', name: 'x' }, 'account', 'value_invalid'],
    ['half a surrogate pair', { account: '\ud800', name: 'x' }, 'account', 'value_invalid'],
    ['a number for a name', { account: 'x', name: 5 }, 'name', 'value_invalid'],
    ['an unknown field', { ...acme, expires: 5 }, 'expires', 'parameter_invalid'],
    ['a digest', { ...acme, digest: 'x' }, 'digest', 'parameter_invalid'],
    [
      'an expiry in seconds',
      { ...acme, expiresAtMs: 1_800_000_000 },
      'expiresAtMs',
      'value_invalid',
    ],
    ['an expiry that is no number', { ...acme, expiresAtMs: NaN }, 'expiresAtMs', 'value_invalid'],
    ['no models', { ...acme, models: [] }, 'models', 'value_invalid'],
    ['an empty model', { ...acme, models: ['gpt-5', ''] }, 'models[1]', 'value_invalid'],
    ['a network that is none', { ...acme, allow: ['10.0.0.0/33'] }, 'allow[0]', 'value_invalid'],
    ['no networks', { ...acme, allow: [] }, 'allow', 'value_invalid'],
    ['every network', { ...acme, allow: ['0.0.0.0/0'] }, 'allow[0]', 'value_invalid'],
    ['a limit of 0', { ...acme, limits: { rpm: 0 } }, 'limits.rpm', 'value_invalid'],
    ['half a limit', { ...acme, limits: { tpm: 0.5 } }, 'limits.tpm', 'value_invalid'],
    ['an endless limit', { ...acme, limits: { rpm: Infinity } }, 'limits.rpm', 'value_invalid'],
    ['an unknown limit', { ...acme, limits: { rps: 1 } }, 'limits.rps', 'parameter_invalid'],
    ['a negative cap', { ...acme, caps: { day: -1 } }, 'caps.day', 'value_invalid'],
    ['a cap over 2^53', { ...acme, caps: { day: 2 ** 53 } }, 'caps.day', 'value_invalid'],
    [
      'metadata that gets lost',
      JSON.parse('{"account":"a","name":"n","metadata":{"team":"b","__proto__":"c"}}'),
      'metadata.__proto__',
      'value_invalid',
    ],
    ['metadata that is no text', { ...acme, metadata: { a: 1 } }, 'metadata.a', 'value_invalid'],
    ['a list', [], undefined, 'value_invalid'],
    ['nothing', null, undefined, 'value_invalid'],
  ]
  it.each(mistakes)('refuses %s and names the field', (_, given, param, condition) => {
    const store = new MemoryKeyStore()
    const keys = createKeys({ store, clock })
    const attempt = (): unknown => createFrom(keys, given)
    expect(errorOf(attempt)).toMatchObject({ condition, param })
    expect(store.list({ limit: 10 })).toEqual([])
  })

  it('says what is wrong and what would be right', () => {
    const keys = createKeys({ clock })
    expect(errorOf(() => keys.create({ ...acme, limits: { rpm: -5 } })).message).toBe(
      'key.limits.rpm is -5. Write 1 or more.',
    )
  })
})

describe('taking over a key made elsewhere', () => {
  it('lets it in as it is', () => {
    const keys = createKeys({ clock })
    for (const secret of ['a'.repeat(16), `%_*'"\\{}${'~'.repeat(504)}`, 'sk-other-0123456789']) {
      const record = now(keys.import(secret, acme))
      expect(keys.authenticate(secret)).toEqual(record)
      expect(record.shown).toBe(`…${secret.slice(-4)}`)
    }
  })

  it('takes a key of our own form, from another store', () => {
    const secret = generateKey('sk-lazu-')
    const keys = createKeys({ clock })
    now(keys.import(secret, acme))
    expect(keys.authenticate(secret)).toMatchObject({ shown: `sk-lazu-…${secret.slice(-4)}` })
  })

  it.each([
    ['15 characters', 'x'.repeat(15)],
    ['513 characters', 'x'.repeat(513)],
    ['a space', 'this is not a key at all'],
    ['latin-1', 'this-is-n\xf6t-a-key-at-all'],
    ['one of our keys with a typing mistake', mistypedKey()],
    ['one of our keys with something behind it', `${generateKey('sk-lazu-')},`],
  ])('refuses %s, and does not repeat it', (_, secret) => {
    const error = errorOf(() => createKeys({ clock }).import(secret, acme))
    expect(error).toMatchObject({ condition: 'value_invalid', param: 'secret' })
    expect(error.message).not.toContain(secret)
  })

  it('refuses a key that is there already', () => {
    const keys = createKeys({ clock })
    now(keys.import('sk-other-0123456789', acme))
    expect(() => keys.import('sk-other-0123456789', acme)).toThrow(KeyConflictError)
  })

  it.each([false, true])(
    'refuses one that is stored by the pepper before: later %s',
    async (isLater) => {
      const [old, current] = ['the old pepper of this server', 'the new pepper of this server']
      const secret = 'sk-other-0123456789'
      const memory = new MemoryKeyStore()
      const before = createKeys({ store: memory, clock, peppers: [old] })
      const { id } = now(before.import(secret, acme))
      now(before.revoke(id))

      const store = isLater ? new LaterStore(memory) : memory
      const keys = createKeys({ store, clock, peppers: [current, old] })
      const attempt = async (): Promise<unknown> => keys.import(secret, acme)
      await expect(attempt()).rejects.toBeInstanceOf(KeyConflictError)
      expect(await keys.list()).toMatchObject([{ id, status: 'revoked' }])
      expect(await conditionLater((async () => keys.authenticate(secret))())).toBe(
        'api_key_revoked',
      )
      await keys.import('sk-another-0123456789', acme)
      expect(await keys.authenticate('sk-another-0123456789')).toMatchObject(acme)
    },
  )

  it('lets a key in at once that was unknown a moment ago', async () => {
    const keys = createKeys({ clock })
    const secret = 'sk-other-0123456789'
    expect(() => keys.authenticate(secret)).toThrow(GatewayError)
    now(keys.import(secret, acme))
    expect(keys.authenticate(secret)).toMatchObject(acme)
  })

  it('lets it in even when a look-up from before was still on its way', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const secret = 'sk-other-0123456789'
    const before = keys.authenticate(secret)
    await keys.import(secret, acme)
    const after = keys.authenticate(secret)
    store.answer()
    expect(await conditionLater(before)).toBe('api_key_invalid')
    expect(await after).toMatchObject(acme)
    expect(now(keys.authenticate(secret))).toMatchObject(acme)
  })
})

describe('changing a key', () => {
  it('changes what is given, takes away what is null and leaves the rest', () => {
    const keys = createKeys({ clock })
    const { key, record } = now(
      keys.create({ ...acme, models: ['a'], limits: { rpm: 1 }, lane: 'cheap' }),
    )
    now(keys.authenticate(key))
    const changes = { name: 'new', models: null, limits: { tpm: 5 }, tier: undefined }
    now(keys.update(record.id, changes))
    const { models: _, ...rest } = record
    const expected = { ...rest, name: 'new', limits: { tpm: 5 }, revision: 2 }
    expect(keys.authenticate(key)).toEqual(expected)
    expect(keys.get(record.id)).toEqual(expected)
  })

  it('refuses what cannot be changed, and mistakes, naming the field', () => {
    const keys = createKeys({ clock })
    const { record } = now(keys.create(acme))
    for (const [changes, param] of [
      [{ account: 'other' }, 'account'],
      [{ status: 'active' }, 'status'],
      [{ name: '' }, 'name'],
      [{ name: null }, 'name'],
      [{ caps: { month: 0 } }, 'caps.month'],
      [{ allow: ['nonsense'] }, 'allow[0]'],
    ] as const) {
      const untyped: object = changes
      expect(errorOf(() => keys.update(record.id, untyped)).param).toBe(param)
    }
    expect(keys.get(record.id)).toEqual(record)
  })

  it('says when there is no such key', () => {
    const keys = createKeys({ clock })
    expect(keys.get('key_none')).toBeUndefined()
    for (const attempt of [
      () => keys.disable('key_none'),
      () => keys.enable('key_none'),
      () => keys.revoke('key_none'),
      () => keys.update('key_none', {}),
      () => keys.rotate('key_none', { graceMs: 0 }),
    ]) {
      const error = errorOf(attempt)
      expect(error).toBeInstanceOf(KeyNotFoundError)
      expect(error).toMatchObject({ status: 404, param: 'id' })
    }
  })

  it('says when its id is none, as it may be in the body of a request', () => {
    const keys = createKeys({ clock })
    now(keys.create(acme))
    for (const given of [{ a: 1 }, ['key_1'], true, 5, null, '\ud800', undefined]) {
      const id: string = JSON.parse(JSON.stringify({ given })).given
      for (const attempt of [
        () => keys.get(id),
        () => keys.disable(id),
        () => keys.enable(id),
        () => keys.revoke(id),
        () => keys.update(id, { name: 'new' }),
        () => keys.rotate(id, { graceMs: 0 }),
      ]) {
        const condition = given === undefined ? 'parameter_missing' : 'value_invalid'
        expect(errorOf(attempt)).toMatchObject({ condition, param: 'id' })
      }
    }
    expect(errorOf(() => keys.list({ after: '\ud800' })).param).toBe('after')
  })

  it('makes every one of many changes that come at once, or says which it could not', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { record } = await keys.create(acme)
    const changes = [
      keys.update(record.id, { name: 'new' }),
      keys.update(record.id, { lane: 'cheap' }),
      keys.update(record.id, { tier: 'one' }),
      keys.disable(record.id),
    ]
    for (const change of changes) await change
    expect(await keys.get(record.id)).toMatchObject({
      name: 'new',
      lane: 'cheap',
      tier: 'one',
      status: 'disabled',
      revision: 5,
    })
  })

  it('cannot be done by writing on a record', () => {
    const keys = createKeys({ clock })
    const { key, record } = now(keys.create({ ...acme, limits: { rpm: 1 } }))
    expect(Reflect.set(record, 'status', 'revoked')).toBe(false)
    const found = now(keys.authenticate(key))
    expect(Reflect.set(found, 'account', 'other')).toBe(false)
    expect(found.limits !== undefined && Reflect.set(found.limits, 'rpm', 9)).toBe(false)
  })
})

describe('rotating a key', () => {
  it('lets the old secret work until its moment, and not a millisecond more', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock, cache: { knownMs: 1e9 } })
    const { key: old, record } = now(keys.create(acme))
    now(keys.authenticate(old))
    const made = now(keys.rotate(record.id, { graceMs: 60_000 }))
    expect(made.record).toMatchObject({ id: record.id, shown: `sk-lazu-…${made.key.slice(-4)}` })
    expect(keys.authenticate(made.key)).toEqual(made.record)
    expect(keys.authenticate(old)).toEqual(made.record)
    clock.advance(59_999)
    expect(keys.authenticate(old)).toEqual(made.record)
    clock.advance(1)
    expect(errorOf(() => keys.authenticate(old)).condition).toBe('api_key_invalid')
    expect(keys.authenticate(made.key)).toEqual(made.record)
    clock.advance(1e9)
    expect(errorOf(() => keys.authenticate(old)).condition).toBe('api_key_invalid')
    expect(keys.authenticate(made.key)).toEqual(made.record)
  })

  it('ends the old secret at once without grace, though it was remembered', () => {
    const keys = createKeys({ clock })
    const { key: old, record } = now(keys.create(acme))
    now(keys.authenticate(old))
    const made = now(keys.rotate(record.id, { graceMs: 0 }))
    expect(errorOf(() => keys.authenticate(old)).condition).toBe('api_key_invalid')
    expect(keys.authenticate(made.key)).toEqual(made.record)
    expect(made.record.rotation).toBeUndefined()
  })

  it('ends the secret before the old one', () => {
    const keys = createKeys({ clock })
    const { key: first, record } = now(keys.create(acme))
    const second = now(keys.rotate(record.id, { graceMs: 60_000 })).key
    now(keys.authenticate(first))
    const third = now(keys.rotate(record.id, { graceMs: 60_000 })).key
    expect(errorOf(() => keys.authenticate(first)).condition).toBe('api_key_invalid')
    expect(keys.authenticate(second)).toEqual(keys.authenticate(third))
  })

  it('revokes and disables both secrets', () => {
    const keys = createKeys({ clock })
    const { key: old, record } = now(keys.create(acme))
    const { key } = now(keys.rotate(record.id, { graceMs: 60_000 }))
    now(keys.authenticate(old))
    now(keys.authenticate(key))
    now(keys.revoke(record.id))
    expect(errorOf(() => keys.authenticate(old)).condition).toBe('api_key_revoked')
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_revoked')
  })

  it.each([-1, 0.5, NaN, Infinity, 1e15])('refuses a grace of %d', (graceMs) => {
    const keys = createKeys({ clock })
    const { record } = now(keys.create(acme))
    expect(errorOf(() => keys.rotate(record.id, { graceMs })).param).toBe('graceMs')
  })
})

describe('the options', () => {
  const mistakes: [string, object, string][] = [
    ['an unknown one', { stores: 1 }, 'createKeys().stores'],
    ['an empty prefix', { prefix: '' }, 'createKeys().prefix'],
    ['a prefix of 33', { prefix: 'x'.repeat(33) }, 'createKeys().prefix'],
    ['a prefix with a space', { prefix: 'sk lazu' }, 'createKeys().prefix'],
    ['a short pepper', { peppers: ['0123456789abcde'] }, 'createKeys().peppers[0]'],
    ['a pepper that is no list', { peppers: 'a long enough pepper' }, 'createKeys().peppers'],
    ['three peppers', { peppers: ['x', 'y', 'z'] }, 'createKeys().peppers'],
    ['an unknown cache option', { cache: { ttl: 1 } }, 'createKeys().cache.ttl'],
    ['no room', { cache: { size: 0 } }, 'createKeys().cache.size'],
    ['a negative time', { cache: { knownMs: -1 } }, 'createKeys().cache.knownMs'],
    ['an endless time', { cache: { staleMs: Infinity } }, 'createKeys().cache.staleMs'],
    ['a time that is text', { cache: { unknownMs: '10s' } }, 'createKeys().cache.unknownMs'],
    ['a store that is none', { store: { get: () => undefined } }, 'createKeys().store'],
    ['a clock that is none', { clock: {} }, 'createKeys().clock'],
  ]
  it.each(mistakes)('refuse %s, with its path', (_, options, path) => {
    const build = (): unknown => createKeys(options)
    expect(build).toThrow(ConfigurationError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it('do not show a pepper when it is wrong', () => {
    for (const peppers of ['a-secret-of-mine', ['a-secret'], { secret: 'a-secret' }]) {
      const options: object = { peppers }
      expect(() => createKeys(options)).toThrow(/^(?!.*a-secret)/)
    }
  })

  it('may have a shorter prefix than the keys there are, which go on working', () => {
    const store = new CountingStore()
    const before = createKeys({ store, clock })
    const { key, record } = now(before.create(acme))
    const imported = [
      'sk-proj-T3BlbkFJ_0123456789',
      `sk-proj-${'a'.repeat(33)}`,
      'sk-0123456789abcdef',
    ]
    for (const secret of imported) now(before.import(secret, acme))

    const keys = createKeys({ store, prefix: 'sk-', clock })
    expect(keys.authenticate(key)).toEqual(record)
    for (const secret of imported) expect(keys.authenticate(secret)).toMatchObject(acme)
    expect(keys.authenticate(now(keys.create(acme)).key)).toMatchObject(acme)
    now(keys.import('sk-svcacct-0123456789', acme))
    expect(keys.authenticate('sk-svcacct-0123456789')).toMatchObject(acme)
  })

  it('make keys with the prefix that is given', () => {
    const keys = createKeys({ prefix: 'sk-foza-', clock })
    const { key, record } = now(keys.create(acme))
    expect(key).toMatch(/^sk-foza-[0-9A-Za-z]{38}$/)
    expect(record.shown).toBe(`sk-foza-…${key.slice(-4)}`)
    expect(keys.authenticate(key)).toEqual(record)
  })
})
