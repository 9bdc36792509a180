// What a reserve and a settle cost in SQLite, beside the very same statements on the bare driver, and
// how long they hold the event loop with a million reservations in the file: `npm run bench:stores`.
import { isPromise, MemoryLedger, type Ledger } from '@lazu/core'
import { sqliteStore, type SqliteDatabase, type Synchronous, type SqlValue } from '@lazu/sqlite'
import Database from 'libsql'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listKeys, loopTimes } from './stores-large.js'
import { median } from './statistics.js'

const rounds = 15
const pairsPerRound = 1_000

const folder = mkdtempSync(join(tmpdir(), 'lazu-bench-'))
try {
  console.log('Reserve and settle together, µs (medians of', rounds, 'rounds, in turn):')
  await comparePairs('normal')
  await comparePairs('full')
  await loopTimes(folder)
  await listKeys(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

type MakePair = (id: string) => void | Promise<void>

/** What is measured: how pairs are made, and how many at once. */
interface Contender {
  readonly name: string
  readonly make: MakePair
  readonly inFlight: number
}

async function comparePairs(synchronous: Synchronous): Promise<void> {
  const store = sqliteStore({ path: join(folder, `thread-${synchronous}.db`), synchronous })
  const inThread = await funded(store.ledger)
  const here = await funded(
    sqliteStore({ database: open(`here-${synchronous}.db`, synchronous) }).ledger,
  )
  const memory = await funded(new MemoryLedger())
  const contenders: readonly Contender[] = [
    { name: 'bare driver', make: await replayOnBareDriver(synchronous), inFlight: 1 },
    { name: '@lazu/sqlite', make: (id) => pair(inThread, id), inFlight: 1 },
    { name: ' 2 in flight', make: (id) => pair(inThread, id), inFlight: 2 },
    { name: ' 20 in flight', make: (id) => pair(inThread, id), inFlight: 20 },
    { name: ' open database', make: (id) => pair(here, id), inFlight: 1 },
    { name: 'memory', make: (id) => pair(memory, id), inFlight: 1 },
  ]
  const costs = contenders.map((): Cost[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      costs[index]?.push(await costOf(contender, round))
    }
  }
  const [bare = []] = costs
  for (const [index, { name }] of contenders.entries()) {
    const measured = costs[index] ?? []
    console.log(
      `  ${synchronous.padEnd(7)} ${name.padEnd(15)}` +
        ` ${compared(measured, bare, 'passedMicros')} passed,` +
        ` ${compared(measured, bare, 'processorMicros')} of the processor`,
    )
  }
  await store.close()
}

/** What one pair takes. */
interface Cost {
  readonly passedMicros: number
  /** Of all threads of this process. */
  readonly processorMicros: number
}

/** The median, its spread, and how many times the bare driver's it is. */
function compared(measured: readonly Cost[], bare: readonly Cost[], of: keyof Cost): string {
  const micros = measured.map((cost) => cost[of])
  const middle = median(micros)
  const spread = `${Math.min(...micros).toFixed(1)} to ${Math.max(...micros).toFixed(1)}`
  const times = middle / median(bare.map((cost) => cost[of]))
  return `${middle.toFixed(1).padStart(7)} (${spread}; ${times.toFixed(2)} times the bare driver)`
}

async function costOf({ name, make, inFlight }: Contender, round: number): Promise<Cost> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < pairsPerRound) {
      const done = make(idOf(name, round * pairsPerRound + next++))
      if (done !== undefined) await done
    }
  }
  const startedMs = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, work))
  const { user, system } = process.cpuUsage(before)
  return {
    passedMicros: ((performance.now() - startedMs) * 1_000) / pairsPerRound,
    processorMicros: (user + system) / pairsPerRound,
  }
}

/** A promise only where the ledger gives one. */
function pair(ledger: Ledger, id: string): void | Promise<void> {
  const reserved = ledger.reserve({
    id,
    account: 'acme',
    key: 'key_1',
    amount: 100,
    ttlMs: 60_000,
    model: 'gpt-5',
    caps: { day: 1_000_000_000 },
  })
  if (isPromise(reserved)) return reserved.then(() => settle(ledger, id))
  void settle(ledger, id)
}

async function settle(ledger: Ledger, id: string): Promise<void> {
  await ledger.settle(id, 50, { inputTokens: 10, outputTokens: 20 })
}

/** As long as a request's, and another one for each contender. */
function idOf(name: string, number: number): string {
  return `req_lazu_01KSBV${name.slice(0, 4)}${String(number).padStart(16, '0')}`
}

function open(name: string, synchronous: Synchronous): SqliteDatabase {
  const database = new Database(join(folder, name))
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`)
  return database
}

async function funded<T extends Ledger>(ledger: T): Promise<T> {
  await ledger.credit('acme', 1_000_000_000_000, 'start')
  return ledger
}

type Call = (id: string) => void

/**
 * The statements of one pair as the ledger runs them, written down and run again with nothing around
 * them.
 */
async function replayOnBareDriver(synchronous: Synchronous): Promise<MakePair> {
  const database = open(`bare-${synchronous}.db`, synchronous)
  const calls: Call[] = []
  let recording = false
  const recorded = 'the id that is recorded'
  const recorder: SqliteDatabase = {
    exec(sql) {
      if (recording) calls.push(() => database.exec(sql))
      return database.exec(sql)
    },
    prepare(sql) {
      const statement = database.prepare(sql)
      const record =
        (method: 'run' | 'get') =>
        (...parameters: SqlValue[]): unknown => {
          if (recording) {
            calls.push((id) => {
              statement[method](...parameters.map((value) => (value === recorded ? id : value)))
            })
          }
          return statement[method](...parameters)
        }
      return {
        run: record('run'),
        get: record('get'),
        all: (...parameters) => statement.all(...parameters),
      }
    },
    close: () => database.close(),
  }
  const ledger = await funded(sqliteStore({ database: recorder }).ledger)
  // The first pair makes what is missing.
  void pair(ledger, idOf('first', 0))
  recording = true
  void pair(ledger, recorded)
  recording = false
  return (id) => {
    for (const call of calls) call(id)
  }
}
