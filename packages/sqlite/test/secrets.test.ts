import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeys, usd, type Keys } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expressHarness } from '../../express/test/harness.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

/** All that is on the disk of a store. */
function bytesOf(path: string): Buffer {
  return Buffer.concat(['', '-wal', '-shm'].map((suffix) => readFileSync(path + suffix)))
}

const windowLength = 12

/**
 * What of a secret must not be found: any 12 characters of it, as they are, backwards, as UTF-16, in
 * hex and in base64, wherever in a longer text they stand.
 */
function tracesOf(secret: string): Set<string> {
  const traces = new Set<string>()
  for (let start = 0; start + windowLength <= secret.length; start++) {
    const part = secret.slice(start, start + windowLength)
    traces.add(part)
    traces.add(part.split('').toReversed().join(''))
    traces.add(Buffer.from(part, 'utf16le').toString('latin1'))
    traces.add(Buffer.from(part).toString('hex'))
    traces.add(Buffer.from(part).toString('hex').toUpperCase())
    // Of three neighbours one begins where a group of characters does, in whatever it is inside.
    traces.add(Buffer.from(part).toString('base64'))
    traces.add(Buffer.from(part).toString('base64url'))
  }
  return traces
}

/** What of secrets is on the disk. */
function found(path: string, secrets: readonly string[]): string[] {
  const text = bytesOf(path).toString('latin1')
  return secrets.flatMap((secret) => [...tracesOf(secret)].filter((trace) => text.includes(trace)))
}

const imported = 'made-elsewhere-0123456789-ABCDEFGHIJ'
const pepper = 'a pepper of more than sixteen characters'

/** Does all that is done with keys, through a server too. Gives back every secret there was. */
async function useKeys(path: string, peppers: readonly string[]): Promise<readonly string[]> {
  const store = sqliteStore({ path })
  const keys = createKeys({ store: store.keys, peppers })
  const first = await keys.create({ account: 'acme', name: 'the first one', metadata: { a: 'b' } })
  const second = await keys.create({ account: 'acme', name: 'another' })
  await keys.import(imported, { account: 'acme', name: 'taken over' })
  const rotated = await keys.rotate(first.record.id, { graceMs: 3_600_000 })
  const twice = await keys.rotate(first.record.id, { graceMs: 3_600_000 })
  await keys.disable(second.record.id)
  const secrets = [first.key, second.key, imported, rotated.key, twice.key]
  for (const secret of secrets) await stateOf(keys, secret)
  await store.ledger.credit('acme', usd(10), 'c1')

  const server = await expressHarness.start({
    gateway: {
      keys,
      ledger: store.ledger,
      requestLog: store.requestLog,
      prices: { 'gpt-5': { input: usd(1), output: usd(1) } },
      logger: { error() {}, warn() {} },
    },
    routes: {
      'POST /v1/chat/completions': () => ({ ok: true }),
      'POST /v1beta/models/:model': () => ({ ok: true }),
    },
  })
  onTestFinished(() => server.close())
  const body = JSON.stringify({ model: 'gpt-5', max_tokens: 10, messages: [] })
  const json = { 'content-type': 'application/json' }
  const statuses: number[] = []
  for (const secret of secrets) {
    const requests: [string, Record<string, string>, string][] = [
      ['/v1/chat/completions', { authorization: `Bearer ${secret}` }, body],
      ['/v1/chat/completions', { 'x-api-key': secret }, body],
      [`/v1beta/models/gpt-5:generateContent?key=${secret}`, {}, '{"contents":[]}'],
      [`/v1/nowhere?key=${secret}&api_key=${secret}`, { authorization: `Bearer ${secret}` }, body],
    ]
    if (secret !== imported) {
      // Where no key belongs; one made here is known by its form wherever it is.
      const authorization = `Bearer ${secret}`
      requests.push(
        [`/v1/${secret}`, { authorization, 'x-request-id': secret }, body],
        ['/v1/chat/completions', { authorization }, body.replace('gpt-5', secret)],
      )
    }
    for (const [target, headers, sent] of requests) {
      const response = await fetch(server.url + target, {
        method: 'POST',
        headers: { ...json, ...headers },
        body: sent,
      })
      statuses.push(response.status)
      await response.text()
    }
  }
  expect(statuses).toContain(200)
  expect(statuses).toContain(401)
  await store.requestLog.flush()
  return secrets
}

/** Whether a secret is admitted, and why not. */
async function stateOf(keys: Keys, secret: string): Promise<string> {
  try {
    return (await keys.authenticate(secret)).status
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown'
  }
}

describe.each([
  ['without a pepper', []],
  ['with a pepper', [pepper]],
])('what is on the disk %s', (_, peppers) => {
  it('holds no secret, nor a part of one, in any form', async () => {
    const path = join(folder, `${files++}.db`)
    const secrets = await useKeys(path, peppers)
    const text = bytesOf(path).toString('latin1')
    // So that the search is known to find what is there.
    for (const there of ['the first one', 'taken over', '/v1/nowhere', 'gpt-5']) {
      expect(text).toContain(there)
    }
    expect(
      found(
        path,
        secrets.map((secret) => secret.replace('sk-lazu-', '')),
      ),
    ).toEqual([])
    expect(text).not.toContain(pepper)
  })
})

/** A new key's secret, and all that is on the disk of its store. */
async function newKey(peppers: readonly string[]): Promise<{ secret: string; text: string }> {
  const path = join(folder, `${files++}.db`)
  const store = sqliteStore({ path })
  const keys = createKeys({ store: store.keys, peppers })
  const { key } = await keys.create({ account: 'acme', name: 'test' })
  return { secret: key, text: bytesOf(path).toString('latin1') }
}

function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

describe('the digest of a secret', () => {
  it('is its SHA-256 when there is no pepper', async () => {
    const { secret, text } = await newKey([])
    expect(text).toContain(sha256(secret))
  })

  it('cannot be computed from the secret alone when there is one', async () => {
    const { secret, text } = await newKey([pepper])
    expect(text).not.toContain(sha256(secret))
    expect(text).toContain(createHmac('sha256', pepper).update(secret).digest('hex'))
    expect(text).not.toContain(pepper)
  })
})
