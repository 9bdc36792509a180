import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GatewayError } from '@lazu/core'
import { redisLedger, type JournalEntry, type RedisLedger } from '@lazu/redis'
import { describeWithRedis, FakeClock } from '@lazu/testkit'
import { createClient } from 'redis'
import { afterAll, expect, it } from 'vitest'
import { openedForTests, openIoredis } from './clients.js'

const child = join(import.meta.dirname, 'children', 'drain.mjs')

describeWithRedis('the journal', (server) => {
  const client = openedForTests(() => server().url, openIoredis)
  const folder = mkdtempSync(join(tmpdir(), 'lazu-journal-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('has every movement in its order, and hands it out once', async () => {
    const clock = new FakeClock()
    const atMs = clock.wallMs()
    const ledger = redisLedger(client(), { prefix: 'order', clock, journal: true })
    await ledger.credit('acme', 100, 'c1')
    await ledger.credit('acme', 100, 'c1')
    const request = { account: 'acme', key: 'kind', amount: 10, ttlMs: 1_000 }
    await ledger.reserve({ ...request, id: 'id', model: 'gpt-5' })
    await ledger.settle('id', 7, { inputTokens: 1, outputTokens: 2 })
    await ledger.reserve({ ...request, id: 'released' })
    await ledger.release('released')
    await ledger.reserve({ ...request, id: 'expired' })
    clock.advance(1_500)
    await ledger.balance('acme')
    const entries = await drained(ledger)
    const common = { account: 'acme', key: 'kind', model: undefined, tokens: undefined }
    const common5 = { ...common, model: 'gpt-5' }
    const tokens = { inputTokens: 1, outputTokens: 2 }
    expect(entries.map((entry) => ({ ...entry, entry: undefined }))).toEqual([
      { entry: undefined, kind: 'grant', atMs, id: 'c1', account: 'acme', amount: 100 },
      { entry: undefined, kind: 'reserve', atMs, id: 'id', ...common5, amount: 10 },
      { entry: undefined, kind: 'settled', atMs, id: 'id', ...common5, amount: 7, tokens },
      { entry: undefined, kind: 'reserve', atMs, id: 'released', ...common, amount: 10 },
      { entry: undefined, kind: 'released', atMs, id: 'released', ...common, amount: 10 },
      { entry: undefined, kind: 'reserve', atMs, id: 'expired', ...common, amount: 10 },
      {
        entry: undefined,
        kind: 'expired',
        atMs: atMs + 1_000,
        id: 'expired',
        ...common,
        amount: 10,
      },
    ])
    expect(new Set(entries.map(({ entry }) => entry)).size).toBe(entries.length)
    expect(await drained(ledger)).toEqual([])
  })

  it('hands out again what could not be kept', async () => {
    const ledger = redisLedger(client(), { prefix: 'again', journal: true })
    await ledger.credit('acme', 100, 'c1')
    await expect(
      ledger.drainJournal(() => Promise.reject(new Error('the disk is full'))),
    ).rejects.toThrow('the disk is full')
    expect(await drained(ledger)).toHaveLength(1)
  })

  it('hands out those of others when those of one account are refused', async () => {
    const ledger = redisLedger(client(), { prefix: 'refused', journal: true })
    for (const account of ['a', 'b', 'c']) await ledger.credit(account, 100, 'c1')
    const handed: string[] = []
    const draining = ledger.drainJournal((entries) => {
      const accounts = entries.map(({ account }) => account)
      if (accounts.includes('b')) throw new GatewayError('insufficient_quota')
      handed.push(...accounts)
    })
    await expect(draining).rejects.toMatchObject({ condition: 'insufficient_quota' })
    expect(handed.toSorted()).toEqual(['a', 'c'])
    expect((await drained(ledger)).map(({ account }) => account)).toEqual(['b'])
  })

  it('is handed out by one drain at a time', async () => {
    const ledger = redisLedger(client(), { prefix: 'turns', journal: true })
    await ledger.credit('acme', 100, 'c1')
    const order: string[] = []
    const first = ledger.drainJournal(async () => {
      order.push('the first begins')
      // If the second did not wait, it would come meanwhile.
      for (let step = 0; step < 20; step++) await ledger.balance('acme')
      order.push('the first fails')
      throw new Error('the disk is full')
    })
    const second = ledger.drainJournal(() => void order.push('the second begins'))
    await expect(first).rejects.toThrow('the disk is full')
    expect(await second).toBe(1)
    expect(order).toEqual(['the first begins', 'the first fails', 'the second begins'])
  })

  it('hands out an entry of another making that has the id of one that was drained', async () => {
    const ledger = redisLedger(client(), { prefix: 'ids', journal: true })
    await ledger.credit('acme', 100, 'c1')
    const raw = await createClient({ url: server().url }).connect()
    const stream = '{ids:account:acme}:journal'
    const handed: string[] = []
    await ledger.drainJournal(async (entries) => {
      handed.push(...entries.map(({ id }) => id))
      if (handed.length > 1) return
      const [entry] = (await raw.xRange(stream, '-', '+')) ?? []
      await raw.del(stream)
      // A server whose clock is behind comes by the same moment once more.
      await raw.xAdd(stream, entry?.id ?? '', { ...entry?.message, g: 'another', id: 'c2' })
    })
    raw.destroy()
    expect(handed).toEqual(['c1', 'c2'])
  })

  it('is not written unless somebody wants it', async () => {
    const ledger = redisLedger(client(), { prefix: 'none' })
    await ledger.credit('acme', 100, 'c1')
    expect(await drained(ledger)).toEqual([])
  })

  it('loses and doubles nothing when what drains it is killed, again and again', async () => {
    const prefix = 'killed'
    const ledger = redisLedger(client(), { prefix, journal: true })
    const file = join(folder, 'journal.ndjson')
    for (const account of ['acme', 'other']) {
      await ledger.credit(account, 10_000, 'c1')
      await Promise.all(
        Array.from({ length: 400 }, async (_, index) => {
          const id = `${account} ${index}`
          await ledger.reserve({ id, account, key: 'k1', amount: 10, ttlMs: 60_000 })
          await ledger.settle(id, index % 10)
        }),
      )
    }
    for (const most of [200, 700]) {
      const draining = spawn(process.execPath, [child, server().url, prefix, file, String(most)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = once(draining, 'exit')
      await once(draining.stdout, 'data')
      draining.kill('SIGKILL')
      await ended
    }
    await ledger.drainJournal((entries) => {
      appendFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    })

    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const kept = new Map<string, JournalEntry>()
    const different = new Set<string>()
    for (const line of lines) {
      const entry: JournalEntry = JSON.parse(line)
      kept.set(`${entry.account} ${entry.entry}`, entry)
      different.add(line)
    }
    expect(lines.length).toBeGreaterThan(kept.size)
    expect(different.size).toBe(kept.size)
    expect(kept.size).toBe(2 * (1 + 2 * 400))
    for (const account of ['acme', 'other']) {
      let settled = 0
      for (const entry of kept.values()) {
        if (entry.account === account && entry.kind === 'settled') settled += entry.amount
      }
      expect(await ledger.balance(account)).toMatchObject({ settled, held: 0 })
    }
  })
})

async function drained(ledger: RedisLedger): Promise<JournalEntry[]> {
  const all: JournalEntry[] = []
  await ledger.drainJournal((entries) => {
    all.push(...entries)
  })
  return all
}
