import { KeyConflictError, KeyNotFoundError, type ApiKey, type KeyStore } from '@lazu/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { deface, digestOf, fullKey, makeKey, numbers } from './key-store-fixtures.js'
import { noTexts, untyped } from './no-texts.js'

/**
 * How every key store behaves, whether it answers at once or with promises.
 *
 * @param makeStore makes an empty store; called once for each test
 */
export function runKeyStoreContract(
  name: string,
  makeStore: () => KeyStore | Promise<KeyStore>,
): void {
  describe(`${name} as a key store`, () => {
    let store: KeyStore

    beforeEach(async () => {
      store = await makeStore()
    })

    const insert = async (...keys: ApiKey[]): Promise<void> => {
      for (const key of keys) await store.insert(key)
    }
    const replace = async (key: ApiKey): Promise<void> => store.replace(key)
    const idsOf = async (page: Parameters<KeyStore['list']>[0]): Promise<string[]> =>
      (await store.list(page)).map((key) => key.id)

    describe('finding', () => {
      it('gives back every field as it was', async () => {
        await insert(fullKey)
        expect(await store.get(fullKey.id)).toEqual(fullKey)
        expect(await store.findByDigest(fullKey.digest)).toEqual(fullKey)
        expect(await store.list({ limit: 10 })).toEqual([fullKey])
      })

      it('gives no value to a field that has none', async () => {
        const key = makeKey(1)
        await insert(key)
        expect(await store.get(key.id)).toEqual(key)
      })

      it('finds a key by its digest and by the digest of its rotation, even when that is over', async () => {
        const key = { ...makeKey(1), rotation: { digest: digestOf('old'), untilMs: 1 } }
        await insert(key, makeKey(2))
        expect(await store.findByDigest(key.digest)).toEqual(key)
        expect(await store.findByDigest(digestOf('old'))).toEqual(key)
      })

      it('finds disabled and revoked keys too', async () => {
        await insert({ ...makeKey(1), status: 'disabled' }, { ...makeKey(2), status: 'revoked' })
        expect(await store.findByDigest(makeKey(1).digest)).toMatchObject({ status: 'disabled' })
        expect(await store.findByDigest(makeKey(2).digest)).toMatchObject({ status: 'revoked' })
      })

      it.each(['', '%', '*', '_'.repeat(64), '__proto__', 'constructor', "' OR 1=1 --", '\\'])(
        'finds nothing by %j',
        async (text) => {
          await insert(makeKey(1))
          expect(await store.findByDigest(text)).toBeUndefined()
          expect(await store.get(text)).toBeUndefined()
          expect(await store.list({ account: text, limit: 10 })).toEqual([])
        },
      )

      it('compares exactly, letter case included', async () => {
        const key = { ...makeKey(1), account: 'Acme' }
        await insert(key)
        expect(await store.findByDigest(key.digest.toUpperCase())).toBeUndefined()
        expect(await store.get(key.id.toUpperCase())).toBeUndefined()
        expect(await store.list({ account: 'acme', limit: 10 })).toEqual([])
        expect(await store.list({ account: 'Acme ', limit: 10 })).toEqual([])
      })
    })

    describe('inserting', () => {
      it('refuses an id that is there', async () => {
        await insert(makeKey(1))
        const second = { ...makeKey(2), id: makeKey(1).id }
        await expect(insert(second)).rejects.toBeInstanceOf(KeyConflictError)
        expect(await store.get(makeKey(1).id)).toEqual(makeKey(1))
        expect(await store.findByDigest(second.digest)).toBeUndefined()
      })

      it('refuses a digest that is there, of a key or of a rotation', async () => {
        const old = digestOf('old')
        await insert({ ...makeKey(1), rotation: { digest: old, untilMs: 1 } })
        const conflicting: ApiKey[] = [
          { ...makeKey(2), digest: makeKey(1).digest },
          { ...makeKey(2), digest: old },
          { ...makeKey(2), rotation: { digest: makeKey(1).digest, untilMs: 1 } },
          { ...makeKey(2), rotation: { digest: old, untilMs: 1 } },
        ]
        for (const key of conflicting) {
          await expect(insert(key)).rejects.toBeInstanceOf(KeyConflictError)
          expect(await store.get(key.id)).toBeUndefined()
        }
        expect(await store.findByDigest(makeKey(2).digest)).toBeUndefined()
        expect(await idsOf({ limit: 10 })).toEqual([makeKey(1).id])
        expect(await idsOf({ account: makeKey(2).account, limit: 10 })).toEqual([makeKey(1).id])
      })

      it('lets one of many that come at once with the same secret in', async () => {
        const keys = numbers(8).map((n) => ({ ...makeKey(n), digest: digestOf('same') }))
        const results = await Promise.allSettled(keys.map((key) => insert(key)))
        expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
        expect(await store.list({ limit: 10 })).toHaveLength(1)
      })
    })

    describe('replacing', () => {
      it('puts the new record in the place of the old one', async () => {
        await insert(makeKey(1), makeKey(2))
        const next: ApiKey = { ...fullKey, id: makeKey(1).id, revision: 2 }
        await replace(next)
        expect(await store.get(next.id)).toEqual(next)
        expect(await store.findByDigest(next.digest)).toEqual(next)
        expect(await store.get(makeKey(2).id)).toEqual(makeKey(2))
      })

      it('takes away the fields the new record does not have', async () => {
        await insert(fullKey)
        const bare = { ...makeKey(1), id: fullKey.id, revision: fullKey.revision + 1 }
        await replace(bare)
        expect(await store.get(bare.id)).toEqual(bare)
      })

      it('finds a rotated key by both digests, and by no digest it had before', async () => {
        const [first, second, third] = [digestOf('first'), digestOf('second'), digestOf('third')]
        const key = { ...makeKey(1), digest: first }
        await insert(key)
        const once = {
          ...key,
          digest: second,
          rotation: { digest: first, untilMs: 9 },
          revision: 2,
        }
        await replace(once)
        expect(await store.findByDigest(first)).toEqual(once)
        expect(await store.findByDigest(second)).toEqual(once)
        const twice = {
          ...key,
          digest: third,
          rotation: { digest: second, untilMs: 9 },
          revision: 3,
        }
        await replace(twice)
        expect(await store.findByDigest(first)).toBeUndefined()
        expect(await store.findByDigest(second)).toEqual(twice)
        expect(await store.findByDigest(third)).toEqual(twice)
        await replace({ ...key, digest: third, revision: 4 })
        expect(await store.findByDigest(second)).toBeUndefined()
        expect(await store.findByDigest(third)).toMatchObject({ id: key.id, revision: 4 })
      })

      it('frees the digests a key gave up', async () => {
        await insert(makeKey(1))
        await replace({ ...makeKey(1), digest: digestOf('new'), revision: 2 })
        const heir = { ...makeKey(2), digest: makeKey(1).digest }
        await insert(heir)
        expect(await store.findByDigest(heir.digest)).toEqual(heir)
      })

      it('refuses an id nobody has', async () => {
        await expect(replace({ ...makeKey(1), revision: 2 })).rejects.toBeInstanceOf(
          KeyNotFoundError,
        )
        expect(await store.list({ limit: 10 })).toEqual([])
        expect(await store.findByDigest(makeKey(1).digest)).toBeUndefined()
      })

      it('refuses the digest of another key, and leaves everything as it was', async () => {
        await insert(makeKey(1), makeKey(2))
        const conflicting: ApiKey[] = [
          { ...makeKey(1), revision: 2, digest: makeKey(2).digest },
          { ...makeKey(1), revision: 2, rotation: { digest: makeKey(2).digest, untilMs: 1 } },
        ]
        for (const key of conflicting) {
          await expect(replace(key)).rejects.toBeInstanceOf(KeyConflictError)
        }
        expect(await store.findByDigest(makeKey(1).digest)).toEqual(makeKey(1))
        expect(await store.findByDigest(makeKey(2).digest)).toEqual(makeKey(2))
      })

      it.each([0, 1, 3])('refuses revision %i in the place of revision 1', async (revision) => {
        await insert(makeKey(1))
        const next = { ...makeKey(1), name: 'changed', digest: digestOf('changed'), revision }
        await expect(replace(next)).rejects.toBeInstanceOf(KeyConflictError)
        expect(await store.get(next.id)).toEqual(makeKey(1))
        expect(await store.findByDigest(next.digest)).toBeUndefined()
      })

      it('lets one of many changes that come at once in', async () => {
        await insert(makeKey(1))
        const changes = numbers(8).map((n) => ({ ...makeKey(1), name: `name ${n}`, revision: 2 }))
        const results = await Promise.allSettled(changes.map((key) => replace(key)))
        const won = changes.filter((_, index) => results[index]?.status === 'fulfilled')
        expect(won).toHaveLength(1)
        expect(await store.get(makeKey(1).id)).toEqual(won[0])
      })

      it('moves a key to another account', async () => {
        await insert(makeKey(1), makeKey(2), makeKey(3))
        await replace({ ...makeKey(2), account: 'other', revision: 2 })
        expect(await idsOf({ account: 'other', limit: 10 })).toEqual([makeKey(2).id])
        expect(await idsOf({ account: makeKey(1).account, limit: 10 })).toEqual([
          makeKey(1).id,
          makeKey(3).id,
        ])
      })
    })

    describe('listing', () => {
      it('gives pages in the order of the ids, however they were inserted', async () => {
        await insert(...[5, 2, 7, 1, 4, 6, 3].map((n) => makeKey(n)))
        const ids = numbers(7).map((n) => makeKey(n).id)
        expect(await idsOf({ limit: 3 })).toEqual(ids.slice(0, 3))
        expect(await idsOf({ limit: 3, after: ids[2] })).toEqual(ids.slice(3, 6))
        expect(await idsOf({ limit: 3, after: ids[5] })).toEqual(ids.slice(6))
        expect(await idsOf({ limit: 3, after: ids[6] })).toEqual([])
        expect(await idsOf({ limit: 100 })).toEqual(ids)
      })

      it('begins behind an id that is not there', async () => {
        await insert(makeKey(1), makeKey(3))
        expect(await idsOf({ limit: 10, after: makeKey(2).id })).toEqual([makeKey(3).id])
        expect(await idsOf({ limit: 10, after: '' })).toEqual([makeKey(1).id, makeKey(3).id])
      })

      it('sorts ids by their bytes, not by a language', async () => {
        const ids = ['key_B', 'key_Z', 'key__', 'key_a']
        await insert(...ids.toReversed().map((id, index) => ({ ...makeKey(index), id })))
        expect(await idsOf({ limit: 10 })).toEqual(ids)
        expect(await idsOf({ limit: 10, after: 'key_Z' })).toEqual(['key__', 'key_a'])
      })

      it('gives the keys of one account only, in pages', async () => {
        await insert(
          ...numbers(9).map((n) => ({ ...makeKey(n), account: n % 2 === 0 ? 'even' : 'odd' })),
        )
        expect(await idsOf({ account: 'even', limit: 3 })).toEqual(
          [2, 4, 6].map((n) => makeKey(n).id),
        )
        expect(await idsOf({ account: 'even', limit: 3, after: makeKey(6).id })).toEqual([
          makeKey(8).id,
        ])
        expect(await idsOf({ account: 'even', limit: 3, after: makeKey(5).id })).toEqual(
          [6, 8].map((n) => makeKey(n).id),
        )
      })

      it('lists a replaced key in its old place', async () => {
        await insert(makeKey(1), makeKey(2), makeKey(3))
        await replace({ ...makeKey(2), name: 'changed', revision: 2 })
        expect(await idsOf({ limit: 10 })).toEqual(numbers(3).map((n) => makeKey(n).id))
      })
    })

    describe('what is no text', () => {
      it.for(noTexts)('throws a RangeError for %s everywhere, and changes nothing', async (bad) => {
        await insert(makeKey(1))
        const text = untyped(bad)
        const next = { ...makeKey(1), revision: 2 }
        const rotation = { digest: text, untilMs: 1 }
        const attempts: (() => unknown)[] = [
          () => store.get(text),
          () => store.findByDigest(text),
          () => store.insert({ ...makeKey(2), id: text }),
          () => store.insert({ ...makeKey(2), account: text }),
          () => store.insert({ ...makeKey(2), digest: text }),
          () => store.insert({ ...makeKey(2), rotation }),
          () => store.replace({ ...next, id: text }),
          () => store.replace({ ...next, account: text }),
          () => store.replace({ ...next, digest: text }),
          () => store.replace({ ...next, rotation }),
          () => store.list({ account: text, limit: 10 }),
          () => store.list({ after: text, limit: 10 }),
        ]
        for (const attempt of attempts) {
          await expect((async () => attempt())()).rejects.toBeInstanceOf(RangeError)
        }
        expect(await store.list({ limit: 10 })).toEqual([makeKey(1)])
      })
    })

    describe('records', () => {
      it('cannot be used to change the store once they are handed out', async () => {
        await insert(fullKey)
        const handedOut = [
          await store.get(fullKey.id),
          await store.findByDigest(fullKey.digest),
          ...(await store.list({ limit: 1 })),
        ]
        expect(handedOut).toHaveLength(3)
        for (const key of handedOut) deface(key)
        expect(await store.get(fullKey.id)).toEqual(fullKey)
        expect(await store.findByDigest(fullKey.digest)).toEqual(fullKey)
        expect(await store.list({ limit: 1 })).toEqual([fullKey])
      })

      it('cannot be used to change the store once they are handed in', async () => {
        const inserted = structuredClone(fullKey)
        await insert(inserted)
        deface(inserted)
        expect(await store.get(fullKey.id)).toEqual(fullKey)
        const replaced = structuredClone({ ...fullKey, revision: fullKey.revision + 1 })
        await replace(replaced)
        deface(replaced)
        expect(await store.get(fullKey.id)).toEqual({ ...fullKey, revision: fullKey.revision + 1 })
      })
    })
  })
}
