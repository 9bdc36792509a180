import { join } from 'node:path'
import { createKeys, GatewayError, type Keys } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { FakeClock } from '@lazu/testkit'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
const hourMs = 3_600_000
const cachedMs = 30_000
let files = 0
let path = ''
let clock: FakeClock

beforeEach(() => {
  path = join(folder, `${files++}.db`)
  clock = new FakeClock()
})

/** The keys as a process of their own has them: with its own connection, and its own cache. */
function openKeys(): Keys {
  const store = sqliteStore({ path, clock })
  onTestFinished(() => store.close())
  return createKeys({ store: store.keys, clock })
}

/** What becomes of secrets: the status of their key, or the condition they are refused with. */
async function outcomes(keys: Keys, secrets: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const secret of secrets) {
    try {
      found.push((await keys.authenticate(secret)).status)
    } catch (error) {
      found.push(GatewayError.is(error) ? error.condition : String(error))
    }
  }
  return found
}

describe('a key that is rotated', () => {
  it('has two secrets until the moment stated, and one from then on', async () => {
    const here = openKeys()
    const elsewhere = openKeys()
    const made = await here.create({ account: 'acme', name: 'test' })
    const rotated = await here.rotate(made.record.id, { graceMs: hourMs })
    const secrets = [made.key, rotated.key]
    expect(rotated.record.rotation?.untilMs).toBe(clock.wallMs() + hourMs)

    clock.advance(hourMs - 1)
    const reopenedBefore = openKeys()
    for (const keys of [here, elsewhere, reopenedBefore]) {
      expect(await outcomes(keys, secrets)).toEqual(['active', 'active'])
    }
    clock.advance(1)
    // Also where the old secret was looked up a moment ago, and is in the cache.
    for (const keys of [here, elsewhere, reopenedBefore, openKeys()]) {
      expect(await outcomes(keys, secrets)).toEqual(['api_key_invalid', 'active'])
    }
  })

  it('without a time of grace has the new secret at once', async () => {
    const here = openKeys()
    const made = await here.create({ account: 'acme', name: 'test' })
    expect(await outcomes(here, [made.key])).toEqual(['active'])
    const rotated = await here.rotate(made.record.id, { graceMs: 0 })
    for (const keys of [here, openKeys()]) {
      expect(await outcomes(keys, [made.key, rotated.key])).toEqual(['api_key_invalid', 'active'])
    }
  })

  it('loses its oldest secret when it is rotated again', async () => {
    const here = openKeys()
    const made = await here.create({ account: 'acme', name: 'test' })
    const second = await here.rotate(made.record.id, { graceMs: hourMs })
    const third = await here.rotate(made.record.id, { graceMs: hourMs })
    for (const keys of [here, openKeys()]) {
      expect(await outcomes(keys, [made.key, second.key, third.key])).toEqual([
        'api_key_invalid',
        'active',
        'active',
      ])
    }
  })

  it('is seen by another process at the latest when what that remembers is 30 seconds old', async () => {
    const here = openKeys()
    const elsewhere = openKeys()
    const made = await here.create({ account: 'acme', name: 'test' })
    expect(await outcomes(elsewhere, [made.key])).toEqual(['active'])
    const rotated = await here.rotate(made.record.id, { graceMs: 0 })
    // The new secret is not remembered anywhere, and works at once.
    expect(await outcomes(elsewhere, [rotated.key])).toEqual(['active'])
    clock.advance(cachedMs - 1)
    expect(await outcomes(elsewhere, [made.key])).toEqual(['active'])
    clock.advance(1)
    expect(await outcomes(elsewhere, [made.key, rotated.key])).toEqual([
      'api_key_invalid',
      'active',
    ])
  })
})
