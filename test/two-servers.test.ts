import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createKeys, usd, type MadeKey, type NewKey } from '@lazu/core'
import { postgresStore, type PostgresStore } from '@lazu/postgres'
import {
  describeWithPostgres,
  describeWithRedis,
  type RedisServer,
  type RunningPostgres,
} from '@lazu/testkit'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

// Each test starts processes, on a machine that may have others to run.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const run = promisify(execFile)
const example = fileURLToPath(new URL('../examples/two-servers/', import.meta.url))
const lazuCommand = fileURLToPath(new URL('../packages/cli/bin/lazu.js', import.meta.url))
const both = ['server-1', 'server-2']

/** Two words in, four out. */
const content = 'Hello, gateway!'
const callMicros = 45

/** Where nobody listens. */
const nowhere: StoreUrls = {
  DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/x',
  REDIS_URL: 'redis://me:hunter2@127.0.0.1:1',
}

describeWithRedis('the example of two servers', (redis) => {
  describeWithPostgres('with everything it needs', (server) => {
    it('prints a key at its first start, and keeps it and the money', async ({
      onTestFinished,
    }) => {
      const { env, store } = await newStores(server(), redis(), onTestFinished)
      const first = await start(env, onTestFinished)
      const [, key = ''] =
        /^Your API key, with \$5\.0000 to spend: (\S+)$/m.exec(first.printed) ?? []
      expect(key).toMatch(/^sk-lazu-\w{30,}$/)
      expect((await chat(first.url, key)).status).toBe(200)
      await vi.waitFor(async () => {
        expect(await store.ledger.balance('acme')).toMatchObject({ settled: callMicros, held: 0 })
      }, 5_000)
      expect(await stop(first.child, 'SIGTERM')).toEqual([0, null])

      const second = await start(env, onTestFinished)
      expect(second.printed).toMatch(/The key \S+ of an earlier start is there, with \$4\.999955/)
      expect(second.printed).not.toContain(key)
      expect((await chat(second.url, key)).status).toBe(200)
    })

    describe('that runs', () => {
      let stores: Stores
      let proxy = ''
      const ends: (() => Promise<void>)[] = []
      const atEnd: AtEnd = (work) => void ends.unshift(work)

      beforeAll(async () => {
        stores = await newStores(server(), redis(), atEnd)
        ;({ url: proxy } = await start(stores.env, atEnd))
      })

      afterAll(async () => {
        for (const end of ends) await end()
      })

      it('gives requests in turn to two processes, which count limits together', async () => {
        const { key } = await stores.newKey({ account: 'acme', name: 'test' })
        const { key: tightKey } = await stores.newKey({
          account: 'acme',
          name: 'tight',
          limits: { rpm: 3 },
        })
        const served: (string | null)[] = []
        for (let call = 0; call < 4; call++) {
          const response = await models(proxy, key)
          expect(response.status).toBe(200)
          expect(response.headers.get('x-ratelimit-limit-requests')).toBe('600')
          served.push(response.headers.get('x-served-by'))
        }
        expect(served).toEqual([...both, ...both])

        const tight = await Promise.all(Array.from({ length: 6 }, () => models(proxy, tightKey)))
        expect(servers(tight)).toEqual(both)
        expect(tight.filter(({ status }) => status === 200)).toHaveLength(3)
        expect(tight.filter(({ status }) => status === 429)).toHaveLength(3)
      })

      it('never spends more than there is, with forty requests at once', async () => {
        const { key } = await stores.newKey({ account: 'tight', name: 'test' })
        const granted = 10 * callMicros
        await stores.store.ledger.credit('tight', granted, 'first')

        const responses = await Promise.all(Array.from({ length: 40 }, () => chat(proxy, key)))
        expect(servers(responses)).toEqual(both)
        const good = responses.filter(({ status }) => status === 200)
        const refused = responses.filter(({ status }) => status !== 200)
        expect(good.length).toBeGreaterThan(0)
        expect(good.length).toBeLessThanOrEqual(10)
        for (const response of refused) {
          expect(await response.json()).toMatchObject({ error: { code: 'insufficient_quota' } })
        }
        const settled = good.length * callMicros
        await vi.waitFor(async () => {
          expect(await stores.store.ledger.balance('tight')).toMatchObject({
            granted,
            settled,
            held: 0,
            available: granted - settled,
          })
        }, 5_000)
      })

      it('refuses a key in both within a second of lazu keys revoke', async () => {
        const { key, record } = await stores.newKey({ account: 'acme', name: 'test' })
        const statuses = async (): Promise<number[]> => {
          const responses = [await models(proxy, key), await models(proxy, key)]
          expect(servers(responses)).toEqual(both)
          return responses.map(({ status }) => status)
        }
        expect(await statuses()).toEqual([200, 200])
        const revoke = [lazuCommand, 'keys', 'revoke', record.id, '--yes']
        await run(process.execPath, revoke, {
          cwd: example,
          env: { ...process.env, ...stores.env },
        })
        await vi.waitFor(async () => expect(await statuses()).toEqual([401, 401]), 1_000)
      })

      it('takes a caller for whom the proxy saw, whatever the caller says', async () => {
        const elsewhere = { account: 'acme', name: 'elsewhere', allow: ['203.0.113.0/24'] }
        const { key: keyElsewhere } = await stores.newKey(elsewhere)
        const { key: keyHere } = await stores.newKey({
          account: 'acme',
          name: 'here',
          allow: ['127.0.0.1'],
        })
        const pretended = { 'x-forwarded-for': '203.0.113.7' }
        expect((await models(proxy, keyElsewhere, pretended)).status).toBe(403)
        expect((await models(proxy, keyHere, pretended)).status).toBe(200)
      })
    })

    it('goes on with one process when the other is killed, and ends without both', async ({
      onTestFinished,
    }) => {
      const { env, store, newKey } = await newStores(server(), redis(), onTestFinished)
      const { key } = await newKey({ account: 'acme', name: 'test' })
      await store.ledger.credit('acme', usd(1), 'first')
      const { child, url: proxy, pids } = await start(env, onTestFinished)

      const stream = await chat(proxy, key, { stream: true, content: 'word '.repeat(200) })
      const killed = stream.headers.get('x-served-by') ?? ''
      const reading = stream.text()
      process.kill(pids.get(killed) ?? 0, 'SIGKILL')
      // Half an answer must not look like a whole one.
      await expect(reading).rejects.toThrow('terminated')

      const others = await Promise.all(Array.from({ length: 6 }, () => chat(proxy, key)))
      expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
      expect(servers(others)).toEqual(both.filter((name) => name !== killed))
      await vi.waitFor(async () => {
        expect(await store.ledger.balance('acme')).toMatchObject({ settled: 6 * callMicros })
      }, 5_000)

      const exit = once(child, 'exit')
      for (const name of servers(others)) process.kill(pids.get(name) ?? 0, 'SIGKILL')
      expect(await exit).toEqual([1, null])
    })

    it.for(['SIGINT', 'SIGTERM'] as const)(
      'lets a stream end and writes it down first: %s',
      async (signal, { onTestFinished }) => {
        const { env, store, newKey } = await newStores(server(), redis(), onTestFinished)
        const { key } = await newKey({ account: 'acme', name: 'test' })
        await store.ledger.credit('acme', usd(1), 'first')
        const { child, url: proxy, pids } = await start(env, onTestFinished)
        const exit = once(child, 'exit')
        const stream = await chat(proxy, key, { stream: true, content: 'word '.repeat(30) })
        const decoder = new TextDecoder()
        let text = ''
        for await (const chunk of stream.body ?? []) {
          if (text === '') child.kill(signal)
          text += decoder.decode(chunk, { stream: true })
        }
        expect(text).toMatch(/data: \[DONE\]\n\n$/)
        expect(await exit).toEqual([0, null])
        expect([...pids.values()].filter(isRunning)).toEqual([])
        // 30 tokens in, 32 out.
        expect(await store.ledger.balance('acme')).toMatchObject({ settled: 395, held: 0 })
        const id = stream.headers.get('x-lazu-request-id') ?? ''
        expect(await store.requestLog.find(id)).toMatchObject({ status: 200, completed: true })
      },
    )
  })

  describe('without what it needs', () => {
    it.for(['DATABASE_URL', 'REDIS_URL'] as const)(
      'says in one sentence what is missing, and how to get it: %s',
      async (name) => {
        const { code, stderr } = await failure({ ...nowhere, [name]: '' })
        expect(code).toBe(1)
        const sentence = `^${name} is not set: .*\`docker compose up -d --wait\`.*\\.\n$`
        expect(stderr).toMatch(new RegExp(sentence))
      },
    )

    it('says what is wrong with the database, and not its password', async () => {
      const { code, stderr } = await failure({ ...nowhere, REDIS_URL: redis().url })
      expect(code).toBe(1)
      expect(stderr).toBe(
        'The database that DATABASE_URL names cannot be used: connect ECONNREFUSED 127.0.0.1:1\n',
      )
    })

    it('says what is wrong with the Redis, and not its password', async () => {
      const { code, stderr } = await failure(nowhere)
      expect(code).toBe(1)
      expect(stderr).toBe(
        'The Redis that REDIS_URL names cannot be used: connect ECONNREFUSED 127.0.0.1:1\n',
      )
    })
  })
})

/** Registers what is to be done when a test, or a group of tests, is over. */
type AtEnd = (work: () => Promise<void>) => void

/** What the example is told in its environment. */
type StoreUrls = Readonly<Record<'DATABASE_URL' | 'REDIS_URL', string>>

/** The stores of one test. */
interface Stores {
  readonly env: StoreUrls
  readonly store: PostgresStore
  readonly newKey: (key: NewKey) => Promise<MadeKey>
}

let databases = 0

async function newStores(
  server: RunningPostgres,
  redis: RedisServer,
  atEnd: AtEnd,
): Promise<Stores> {
  const name = `two_servers_${databases++}`
  const admin = new Pool({ connectionString: server.url })
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const url = new URL(`/${name}`, server.url).href
  const pool = new Pool({ connectionString: url })
  const store = postgresStore({ pool })
  atEnd(async () => {
    await store.close()
    await pool.end()
  })
  return {
    env: { DATABASE_URL: url, REDIS_URL: redis.url },
    store,
    async newKey(key) {
      await store.migrate()
      return createKeys({ store: store.keys }).create(key)
    },
  }
}

/** The example, while it runs. */
interface Started {
  readonly child: ChildProcess
  readonly printed: string
  /** The proxy's. */
  readonly url: string
  /** The processes that serve, by name. */
  readonly pids: ReadonlyMap<string, number>
}

/** Starts the example on a free port, and waits until it has printed everything. */
async function start(urls: StoreUrls, atEnd: AtEnd): Promise<Started> {
  const child = spawn(process.execPath, [join(example, 'dist', 'start.js')], {
    env: { ...process.env, PORT: '0', ...urls },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Its servers end when it is gone.
  atEnd(async () => void (await stop(child, 'SIGKILL')))
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += String(chunk)
  })
  await vi.waitFor(() => expect(printed).toContain('Ctrl+C'), 45_000)
  const [, url = ''] = /listens on (http:[^\s,]+)/.exec(printed) ?? []
  const pids = [...printed.matchAll(/(server-\d) \(process (\d+)\)/g)]
  return {
    child,
    printed,
    url,
    pids: new Map(pids.map(([, name = '', pid]) => [name, Number(pid)])),
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown[]> {
  if (child.exitCode !== null || child.signalCode !== null)
    return [child.exitCode, child.signalCode]
  const exit = once(child, 'exit')
  child.kill(signal)
  return exit
}

/** Starts the example where it cannot be started. */
async function failure(
  urls: StoreUrls,
): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(example, 'dist', 'start.js')], {
    env: { ...process.env, PORT: '0', ...urls },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const [code]: unknown[] = await once(child, 'close')
  return { code, stderr }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The names of the processes that answered. */
function servers(responses: readonly Response[]): string[] {
  return [...new Set(responses.map(({ headers }) => String(headers.get('x-served-by'))))].toSorted()
}

function models(url: string, key: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}`, ...headers } })
}

interface Chat {
  readonly stream?: boolean
  readonly content?: string
}

function chat(url: string, key: string, what: Chat = {}): Promise<Response> {
  const { stream = false, content: said = content } = what
  const limit = stream ? {} : { max_tokens: 4 }
  const messages = [{ role: 'user', content: said }]
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lazu-echo', stream, messages, ...limit }),
  })
}
