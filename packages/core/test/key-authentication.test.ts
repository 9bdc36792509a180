import { createKeys, GatewayError, MemoryKeyStore, type ApiKey, type Condition } from '@lazu/core'
import { FakeClock } from '@lazu/testkit'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  acme,
  conditionLater,
  CountingStore,
  errorOf,
  now,
  outcomeOf,
  SlowStore,
} from './key-fixtures.js'

let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
})

describe('a secret nobody has', () => {
  it.each([
    '__proto__',
    'constructor',
    'toString',
    '%',
    '*',
    'lz_live_%',
    '%s%n',
    '${jndi:x}',
    "'OR(1=1)--",
    "' OR pg_sleep(8)--",
    'key\0',
    'sk-lazu-\0',
    'k\xe9y',
    'sk-\u200blazu-0',
    'ｓｋ－ｌａｚｕ－',
    '',
    ' ',
    'x'.repeat(513),
    'x'.repeat(15_000),
  ])('is invalid: %j', (secret) => {
    const keys = createKeys({ clock })
    now(keys.create(acme))
    expect(errorOf(() => keys.authenticate(secret))).toMatchObject({
      condition: 'api_key_invalid',
      message: 'Invalid API key.',
    })
  })

  it('is told without a throw to whoever asks so', async () => {
    const keys = createKeys({ clock })
    const { key, record } = now(keys.create(acme))
    expect(keys.identify(key)).toEqual(record)
    now(keys.disable(record.id))
    expect(keys.identify(key)).toMatchObject({ condition: 'api_key_disabled' })
    expect(keys.identify('sk-other-0123456789')).toMatchObject({ condition: 'api_key_invalid' })
    const store = new SlowStore()
    const later = createKeys({ store, clock }).identify('sk-other-0123456789')
    store.answer()
    expect(await later).toMatchObject({ condition: 'api_key_invalid' })
    expect(await later).toBeInstanceOf(GatewayError)
  })

  it('is not looked up when it is malformed', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key } = now(keys.create(acme))
    for (const secret of ['', `${key}x`, 'k\xe9y', 'x'.repeat(513), 'sk-lazu-', 'a b', 'key\0']) {
      expect(errorOf(() => keys.authenticate(secret)).condition).toBe('api_key_invalid')
    }
    expect(store.lookUps).toBe(0)
  })

  it('is not looked up when it is a key with one character changed', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key } = now(keys.create(acme))
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.integer({ min: 0, max: 0x17f }), (at, code) => {
        const character = String.fromCharCode(code)
        fc.pre(character !== key[at] && !/[!-/:-@[-`{-~]/.test(character))
        const changed = key.slice(0, at) + character + key.slice(at + 1)
        expect(errorOf(() => keys.authenticate(changed)).condition).toBe('api_key_invalid')
      }),
      { numRuns: 2000 },
    )
    expect(store.lookUps).toBe(0)
  })

  it('is asked for again after ten seconds only', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const attempt = (): unknown => errorOf(() => keys.authenticate('sk-other-0123456789'))
    attempt()
    attempt()
    clock.advance(9_999)
    attempt()
    expect(store.lookUps).toBe(1)
    clock.advance(1)
    attempt()
    expect(store.lookUps).toBe(2)
  })

  it('gets an error of its own each time', () => {
    const keys = createKeys({ clock })
    const attempt = (): GatewayError => errorOf(() => keys.authenticate('sk-other-0123456789'))
    expect(attempt()).not.toBe(attempt())
  })

  it('is refused when the store finds a record that is not the one', () => {
    const { record } = now(createKeys({ clock }).create(acme))
    class LaxStore extends MemoryKeyStore {
      override findByDigest(): ApiKey {
        return record
      }
    }
    const keys = createKeys({ store: new LaxStore(), clock })
    expect(errorOf(() => keys.authenticate('sk-other-0123456789')).condition).toBe(
      'api_key_invalid',
    )
    class ShortStore extends MemoryKeyStore {
      override findByDigest(): ApiKey {
        return { ...record, digest: 'short', rotation: { digest: '', untilMs: Infinity } }
      }
    }
    const others = createKeys({ store: new ShortStore(), clock })
    expect(errorOf(() => others.authenticate('sk-other-0123456789')).condition).toBe(
      'api_key_invalid',
    )
  })
})

describe('a key that may not be used', () => {
  it('is refused by its status at once, though it was remembered', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key, record } = now(keys.create(acme))
    const condition = (): Condition => errorOf(() => keys.authenticate(key)).condition
    now(keys.authenticate(key))
    now(keys.disable(record.id))
    expect(condition()).toBe('api_key_disabled')
    now(keys.enable(record.id))
    expect(keys.authenticate(key)).toMatchObject({ id: record.id, status: 'active' })
    now(keys.revoke(record.id))
    expect(condition()).toBe('api_key_revoked')
    expect(condition()).toBe('api_key_revoked')
  })

  it('expires at its moment, though it was remembered', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key } = now(keys.create({ ...acme, expiresAtMs: clock.wallMs() + 5000 }))
    clock.advance(4_999)
    expect(keys.authenticate(key)).toMatchObject(acme)
    clock.advance(1)
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_expired')
    expect(store.lookUps).toBe(1)
  })

  it('stays revoked', () => {
    const keys = createKeys({ clock })
    const { key, record } = now(keys.create(acme))
    now(keys.revoke(record.id))
    expect(now(keys.revoke(record.id)).status).toBe('revoked')
    for (const attempt of [
      () => keys.enable(record.id),
      () => keys.disable(record.id),
      () => keys.rotate(record.id, { graceMs: 0 }),
    ]) {
      expect(errorOf(attempt)).toMatchObject({ condition: 'request_invalid', status: 409 })
    }
    now(keys.update(record.id, { name: 'was revoked in January' }))
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_revoked')
  })

  it('stays revoked when another process changes it at the same moment', () => {
    class RacingStore extends MemoryKeyStore {
      beforeReplace: (() => void) | undefined

      override replace(key: ApiKey): void {
        const race = this.beforeReplace
        this.beforeReplace = undefined
        race?.()
        super.replace(key)
      }
    }
    const store = new RacingStore()
    const [here, there] = [createKeys({ store, clock }), createKeys({ store, clock })]
    const { record } = now(here.create(acme))
    store.beforeReplace = () => void there.revoke(record.id)
    expect(now(here.update(record.id, { name: 'new' }))).toMatchObject({
      name: 'new',
      status: 'revoked',
      revision: 3,
    })
    const other = now(here.create(acme)).record
    now(here.disable(other.id))
    store.beforeReplace = () => void there.revoke(other.id)
    expect(errorOf(() => here.enable(other.id)).status).toBe(409)
    expect(now(here.get(other.id))?.status).toBe('revoked')
  })

  it('is not let in by a look-up that was on its way when it was revoked', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key, record } = await keys.create(acme)
    const before = keys.authenticate(key)
    await keys.revoke(record.id)
    const after = keys.authenticate(key)
    store.answer()
    expect(await before).toMatchObject({ status: 'active' })
    expect(await conditionLater(after)).toBe('api_key_revoked')
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_revoked')
    expect(store.lookUps).toBe(2)
  })

  it('is not let in by a slow answer that comes after a newer one', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key, record } = await keys.create(acme)
    const before = keys.authenticate(key)
    const answerBefore = store.take()
    await keys.disable(record.id)
    const after = keys.authenticate(key)
    store.answer()
    expect(await conditionLater(after)).toBe('api_key_disabled')
    answerBefore()
    expect(await before).toMatchObject({ status: 'active' })
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_disabled')
  })
})

describe('peppers', () => {
  const old = 'the old pepper of this server'
  const current = 'the new pepper of this server'

  it('can be replaced while keys stored under the old one go on working', () => {
    const store = new MemoryKeyStore()
    const before = now(createKeys({ store, clock, peppers: [old] }).create(acme))
    const between = createKeys({ store, clock, peppers: [current, old] })
    const after = now(between.create(acme))
    expect(between.authenticate(before.key)).toEqual(before.record)
    expect(between.authenticate(after.key)).toEqual(after.record)
    const later = createKeys({ store, clock, peppers: [current] })
    expect(later.authenticate(after.key)).toEqual(after.record)
    expect(errorOf(() => later.authenticate(before.key)).condition).toBe('api_key_invalid')
  })

  it('are asked for one after the other by a slow store', async () => {
    const store = new SlowStore()
    const before = await createKeys({ store, clock, peppers: [old] }).create(acme)
    const keys = createKeys({ store, clock, peppers: [current, old] })
    const found = keys.authenticate(before.key)
    store.answer()
    await vi.waitFor(() => expect(store.lookUps).toBe(2))
    store.answer()
    expect(await found).toEqual(before.record)
    expect(store.lookUps).toBe(2)
  })
})

describe('remembering', () => {
  it('asks for a known key again after thirty seconds', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key } = now(keys.create(acme))
    for (let index = 0; index < 100; index++) now(keys.authenticate(key))
    clock.advance(29_999)
    now(keys.authenticate(key))
    expect(store.lookUps).toBe(1)
    clock.advance(1)
    now(keys.authenticate(key))
    expect(store.lookUps).toBe(2)
  })

  it('sees a change made by another process after that time', () => {
    const store = new MemoryKeyStore()
    const [here, there] = [createKeys({ store, clock }), createKeys({ store, clock })]
    const { key, record } = now(here.create(acme))
    now(here.authenticate(key))
    now(there.revoke(record.id))
    expect(here.authenticate(key)).toMatchObject({ id: record.id })
    clock.advance(30_000)
    expect(errorOf(() => here.authenticate(key)).condition).toBe('api_key_revoked')
  })

  it('sees a change made by another process at once when it is made here, too', () => {
    const store = new MemoryKeyStore()
    const [here, there] = [createKeys({ store, clock }), createKeys({ store, clock })]
    const { key, record } = now(here.create(acme))
    now(here.authenticate(key))
    now(there.revoke(record.id))
    now(here.revoke(record.id))
    expect(errorOf(() => here.authenticate(key)).condition).toBe('api_key_revoked')
  })

  it('does not lose the known keys to somebody who sends unknown ones', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock, cache: { size: 100 } })
    const known = Array.from({ length: 75 }, () => now(keys.create(acme)).key)
    for (const key of known) now(keys.authenticate(key))
    for (let index = 0; index < 5000; index++) {
      expect(() => keys.authenticate(`sk-random-${index}-0123456789`)).toThrow(GatewayError)
    }
    store.lookUps = 0
    for (const key of known) now(keys.authenticate(key))
    expect(store.lookUps).toBe(0)
  })

  it('keeps the keys that are used when there are more than it has room for', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock, cache: { size: 100 } })
    const busy = Array.from({ length: 25 }, () => now(keys.create(acme)).key)
    for (let round = 0; round < 100; round++) {
      for (const key of busy) now(keys.authenticate(key))
      for (let index = 0; index < 10; index++) now(keys.authenticate(now(keys.create(acme)).key))
    }
    // Each of the 1000 others was looked up once; the busy ones once and hardly ever again.
    expect(store.lookUps).toBeGreaterThanOrEqual(1025)
    expect(store.lookUps).toBeLessThan(1025 + 25)
  })

  it('holds no more than it has room for, known and unknown together', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock, cache: { size: 8 } })
    const known = Array.from({ length: 100 }, () => now(keys.create(acme)).key)
    const unknown = known.map((_, index) => `sk-random-${index}-0123456789`)
    for (const key of [...known, ...unknown]) outcomeOf(() => keys.authenticate(key))
    store.lookUps = 0
    for (const key of [...known, ...unknown]) outcomeOf(() => keys.authenticate(key))
    expect(store.lookUps).toBeGreaterThanOrEqual(200 - 8)
  })

  it('answers right whatever was evicted, rotated or revoked, with room for one', () => {
    const keys = createKeys({ clock, cache: { size: 1 } })
    const made = Array.from({ length: 3 }, () => now(keys.create(acme)))
    for (const { key, record } of made) expect(keys.authenticate(key)).toEqual(record)
    for (const { record } of made) now(keys.revoke(record.id))
    for (const { key } of made) {
      expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_revoked')
    }
  })

  it('agrees with a gateway that remembers nothing, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('use', 'use', 'use', 'disable', 'enable', 'revoke', 'rotate', 'wait'),
      which: fc.nat(3),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        (steps, size) => {
          const store = new MemoryKeyStore()
          const keys = createKeys({ store, clock, cache: { size } })
          const forgetful = createKeys({
            store,
            clock,
            cache: { knownMs: 0, unknownMs: 0, staleMs: 0 },
          })
          const ids: string[] = []
          const secrets: string[][] = []
          for (let index = 0; index < 4; index++) {
            const { key, record } = now(keys.create(acme))
            ids.push(record.id)
            secrets.push([key])
          }
          for (const { what, which } of steps) {
            const id = ids[which] ?? ''
            const own = secrets[which] ?? []
            if (what === 'wait') clock.advance(40)
            if (what === 'disable') outcomeOf(() => keys.disable(id))
            if (what === 'enable') outcomeOf(() => keys.enable(id))
            if (what === 'revoke' && which === 0) outcomeOf(() => keys.revoke(id))
            if (what === 'rotate')
              outcomeOf(() => own.push(now(keys.rotate(id, { graceMs: 100 })).key))
            for (const secret of own) {
              expect(outcomeOf(() => keys.authenticate(secret))).toEqual(
                outcomeOf(() => forgetful.authenticate(secret)),
              )
            }
          }
        },
      ),
    )
  })
})

describe('with a slow store', () => {
  it('has one look-up on its way for 100 callers with one key', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key, record } = await keys.create(acme)
    const callers = Array.from({ length: 100 }, async () => keys.authenticate(key))
    expect(store.lookUps).toBe(1)
    store.answer()
    expect(await Promise.all(callers)).toEqual(callers.map(() => record))
    expect(store.lookUps).toBe(1)
    expect(now(keys.authenticate(key))).toEqual(record)
  })

  it('has one for 100 callers with an unknown key, and an error for each', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const callers = Array.from({ length: 100 }, async () =>
      keys.authenticate('sk-other-0123456789'),
    )
    store.answer()
    const results = await Promise.allSettled(callers)
    const reasons = results.map((result) => result.status === 'rejected' && result.reason)
    expect(new Set(reasons).size).toBe(100)
    for (const reason of reasons) expect(reason).toMatchObject({ condition: 'api_key_invalid' })
    expect(store.lookUps).toBe(1)
    expect(errorOf(() => keys.authenticate('sk-other-0123456789')).condition).toBe(
      'api_key_invalid',
    )
  })

  it('still has one for those who came after a change, when the one from before has ended', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key, record } = await keys.create(acme)
    const before = keys.authenticate(key)
    await keys.update(record.id, { name: 'new' })
    const answerBefore = store.take()
    const after = keys.authenticate(key)
    answerBefore()
    expect(await before).toMatchObject({ name: 'production' })
    const later = keys.authenticate(key)
    store.answer()
    expect(await after).toMatchObject({ name: 'new' })
    expect(await later).toMatchObject({ name: 'new' })
    expect(store.lookUps).toBe(2)
  })

  it('freezes what the store hands out, as many requests share it', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key } = await keys.create({ ...acme, limits: { rpm: 1 } })
    store.memory.findByDigest = (
      (find) => (digest: string) =>
        structuredClone(find(digest))
    )(store.memory.findByDigest.bind(store.memory))
    const found = keys.authenticate(key)
    store.answer()
    const record = await found
    expect(Object.isFrozen(record)).toBe(true)
    expect(Object.isFrozen(record.limits)).toBe(true)
  })
})

describe('while the store is away', () => {
  it('says so to a key it does not know, with the cause, and never 401', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key } = now(keys.create(acme))
    store.isDown = true
    for (const secret of [key, 'sk-other-0123456789']) {
      const error = errorOf(() => keys.authenticate(secret))
      expect(error).toMatchObject({ condition: 'gateway_overloaded', status: 503 })
      expect(error.cause).toMatchObject({ message: 'connection refused' })
    }
    store.isDown = false
    expect(keys.authenticate(key)).toMatchObject(acme)
  })

  it('lets a known key in for sixty seconds after it was read', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const { key, record } = now(keys.create(acme))
    now(keys.authenticate(key))
    store.isDown = true
    clock.advance(59_999)
    expect(keys.authenticate(key)).toEqual(record)
    clock.advance(1)
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('gateway_overloaded')
    store.isDown = false
    expect(keys.authenticate(key)).toEqual(record)
  })

  it('still refuses a known key that is revoked, disabled or expired by then', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock })
    const expiring = now(keys.create({ ...acme, expiresAtMs: clock.wallMs() + 40_000 }))
    const disabled = now(keys.create(acme))
    now(keys.disable(disabled.record.id))
    now(keys.authenticate(expiring.key))
    expect(() => keys.authenticate(disabled.key)).toThrow(GatewayError)
    store.isDown = true
    clock.advance(40_000)
    expect(errorOf(() => keys.authenticate(expiring.key)).condition).toBe('api_key_expired')
    expect(errorOf(() => keys.authenticate(disabled.key)).condition).toBe('api_key_disabled')
  })

  it('lets nobody in on an old answer where staleMs is 0', () => {
    const store = new CountingStore()
    const keys = createKeys({ store, clock, cache: { staleMs: 0 } })
    const { key } = now(keys.create(acme))
    now(keys.authenticate(key))
    store.isDown = true
    expect(keys.authenticate(key)).toMatchObject(acme)
    clock.advance(30_000)
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('gateway_overloaded')
  })

  it('does not remember a key as unknown because of it', async () => {
    const store = new SlowStore()
    const keys = createKeys({ store, clock })
    const { key } = await keys.create(acme)
    const findByDigest = store.findByDigest.bind(store)
    store.findByDigest = async () => {
      throw new Error('connection refused')
    }
    const callers = [keys.authenticate(key), keys.authenticate(key)]
    for (const caller of callers) expect(await conditionLater(caller)).toBe('gateway_overloaded')
    store.findByDigest = findByDigest
    const found = keys.authenticate(key)
    store.answer()
    expect(await found).toMatchObject(acme)
  })

  it('forgets a key whose revoking may or may not have reached the store', () => {
    class LosingStore extends CountingStore {
      override replace(key: ApiKey): void {
        super.replace(key)
        this.isDown = true
        throw new Error('timed out')
      }
    }
    const store = new LosingStore()
    const keys = createKeys({ store, clock })
    const { key, record } = now(keys.create(acme))
    now(keys.authenticate(key))
    expect(() => keys.revoke(record.id)).toThrow('timed out')
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('gateway_overloaded')
    store.isDown = false
    expect(errorOf(() => keys.authenticate(key)).condition).toBe('api_key_revoked')
  })
})
