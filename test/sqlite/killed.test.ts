import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createKeys, systemClock, type Clock, type Movement } from '@lazu/core'
import { sqliteStore } from '@lazu/sqlite'
import { describe, expect, it, vi } from 'vitest'
import { audit, type Contents } from './audit.js'
import { Books } from './books.js'
import { Database } from './driver.js'
import { keepBusy } from './load.js'
import { ServerProcess, type LedgerPoint } from './server-process.js'
import { temporaryFolder } from './temporary-folder.js'

const folder = temporaryFolder()
let files = 0

const killsOfFile = 10
const ttlMs = 60_000
const price = { input: 1_000_000, output: 2_000_000, call: 100 }

interface Row {
  readonly point: LedgerPoint | 'in mid-stream'
  /** What is in the file of the request it was killed at. */
  readonly left: 'nothing' | 'open' | 'charged'
  /** What has happened to that request when its time is over. */
  readonly movements: readonly Movement['kind'][]
}

const rows: readonly Row[] = [
  { point: 'before reserve', left: 'nothing', movements: [] },
  { point: 'after reserve', left: 'open', movements: ['reserve', 'expired'] },
  { point: 'in mid-stream', left: 'open', movements: ['reserve', 'expired'] },
  { point: 'before settle', left: 'open', movements: ['reserve', 'expired'] },
  // In the file, and nobody has been told: no listener, no request log, no parent. The client has
  // its answer at that moment, as a charge is written when the response is over.
  { point: 'after settle', left: 'charged', movements: ['reserve', 'settled'] },
]

describe('a server that is killed', { timeout: 240_000 }, () => {
  it.for(rows)(
    `$point, ${2 * killsOfFile} times, keeps what it acknowledged and holds nothing for ever`,
    async (row) => {
      await Promise.all([expectKeptThroughKills(row, 2), expectKeptThroughKills(row, 3)])
    },
  )

  it('leaves alone what another server on its file is doing', async () => {
    const file = await newFile()
    const { path, key, books } = file
    const survivor = await ServerProcess.start({ path, price })
    const killed = await Promise.all(rows.map((row) => start(file, row, 5)))
    const survived = keepBusy(survivor, { key, name: 'survivor' })
    const ids = await Promise.all(killed.map((each) => untilKilled(file, each)))
    await expectServed(survivor, key)
    survivor.kill()
    books.add(await survived, survivor.told)

    const contents = audit(path)
    expect(books.compare(contents)).toEqual({ lost: [], unasked: [] })
    expect(ids.map((id) => stateOf(id, contents))).toEqual(rows.map(({ left }) => left))
  })
})

/** Kills one server after the other on one file, each at a later request than the one before. */
async function expectKeptThroughKills(row: Row, first: number): Promise<void> {
  const file = await newFile()
  for (let round = 0; round < killsOfFile; round++) {
    const id = await untilKilled(file, await start(file, row, first + round))
    // The next server finds the file as this one left it.
    const copy = copyOf(file.path)
    const contents = audit(copy)
    expect(stateOf(id, contents)).toBe(row.left)
    expect(file.books.compare(contents)).toEqual({ lost: [], unasked: [] })
    await expectNothingHeldLater(copy, id, row)
  }
  const last = await ServerProcess.start({ path: file.path, price })
  await expectServed(last, file.key)
  await vi.waitUntil(() => last.told.some(({ event }) => event === 'ended'), 15_000)
  last.kill()
  await last.ended
  file.books.add(new Map(), last.told)
  expect(file.books.compare(audit(file.path))).toEqual({ lost: [], unasked: [] })
}

/** A file with money, a key, and what is known of it. */
interface Kept {
  readonly path: string
  readonly key: string
  readonly books: Books
}

async function newFile(): Promise<Kept> {
  const made = join(folder, `${files++}.db`)
  const store = sqliteStore({ path: made })
  const { key } = await createKeys({ store: store.keys }).create({ account: 'acme', name: 'test' })
  const amount = 100_000_000
  await store.ledger.credit('acme', amount, 'first')
  await store.close()
  // The driver closes a file when its statements are collected as garbage. A process that has a file
  // open must not copy it: all its locks on it would be gone.
  const path = copyOf(made)
  const books = new Books()
  books.add(new Map([['first', amount]]), [{ event: 'credited', reference: 'first', amount }])
  return { path, key, books }
}

/** A server that will kill itself, or have itself killed by a load. */
interface Doomed {
  readonly server: ServerProcess
  /** Which stream it is killed in, if it is to be. */
  readonly dieInStream: number | undefined
}

/** Starts a server that is killed at its n-th request of a kind, which is not the first. */
async function start({ path, key }: Kept, { point }: Row, times: number): Promise<Doomed> {
  const isStream = point === 'in mid-stream'
  const killAt = isStream ? undefined : { point, times }
  const server = await ServerProcess.start({ path, price, killAt })
  await expectServed(server, key)
  return { server, dieInStream: isStream ? times : undefined }
}

/** Keeps a server busy until it is killed. Returns the id of the request it is killed at. */
async function untilKilled({ key, books }: Kept, { server, dieInStream }: Doomed): Promise<string> {
  const sentCredits = await keepBusy(server, { key, name: `load-${files++}`, dieInStream })
  expect(await server.ended).toBe('SIGKILL')
  books.add(sentCredits, server.told)
  const last = server.told.at(-1)
  if (last?.event !== 'dying') throw new Error('it was not killed where it should')
  return last.id
}

async function expectServed(server: ServerProcess, key: string): Promise<void> {
  const usage = { inputTokens: 1, outputTokens: 1 }
  expect((await server.ask('chat', key, { usage })).status).toBe(200)
}

function stateOf(id: string, { charges, open }: Contents): Row['left'] {
  if (open.has(id)) return 'open'
  return charges.has(id) ? 'charged' : 'nothing'
}

/** Expects that all is over when the time of the reservations is. */
async function expectNothingHeldLater(path: string, id: string, row: Row): Promise<void> {
  const database = new Database(path)
  const { ledger } = sqliteStore({ database, clock: machineClock(ttlMs + 1_000) })
  const { granted, settled, held, available } = await ledger.balance('acme')
  expect(held).toBe(0)
  expect(available).toBe(granted - settled)
  const movements = await ledger.movements(id)
  expect(movements.map(({ kind }) => kind)).toEqual(row.movements)
  // Whatever is written next ends what is over.
  await ledger.release('nobody has this id')
  expect(await ledger.balance('acme')).toEqual({ granted, settled, held, available })
  database.close()
  expect(audit(path).open.size).toBe(0)
}

/** The time that all processes of this machine share, moved on. */
function machineClock(advanceMs: number): Clock {
  return {
    ...systemClock,
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n) + advanceMs,
    wallMs: () => Date.now() + advanceMs,
  }
}

function copyOf(path: string): string {
  const copy = join(folder, `${files++}.db`)
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix)
  }
  return copy
}
