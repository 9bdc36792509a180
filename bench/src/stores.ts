// What a step of the ledger costs in SQLite, beside the very same statements on the bare driver, and
// how long a step takes with a million reservations in the file: `npm run bench:stores`.
import { MemoryLedger, type Ledger } from '@lazu/core'
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
  comparePairs('normal')
  comparePairs('full')
  await loopTimes(folder)
  await listKeys(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function comparePairs(synchronous: Synchronous): void {
  const ledger = fundedLedger(open(`ours-${synchronous}.db`, synchronous))
  const replay = replayOnBareDriver(synchronous)
  const memory = funded(new MemoryLedger())
  const runs: [string, (id: string) => void][] = [
    ['bare driver', replay],
    ['@lazu/sqlite', (id) => pair(ledger, id)],
    ['memory', (id) => pair(memory, id)],
  ]
  const times = new Map<string, number[]>(runs.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of runs) times.get(name)?.push(timeOf(run, round))
  }
  const bare = median(times.get('bare driver') ?? [])
  for (const [name, measured] of times) {
    const middle = median(measured)
    const spread = `${Math.min(...measured).toFixed(1)} to ${Math.max(...measured).toFixed(1)}`
    console.log(
      `  ${synchronous.padEnd(7)} ${name.padEnd(13)} ${middle.toFixed(1).padStart(7)}` +
        `  (${spread}), ${(middle / bare).toFixed(2)} times the bare driver`,
    )
  }
}

/** Microseconds a pair. */
function timeOf(run: (id: string) => void, round: number): number {
  const startedMs = performance.now()
  for (let index = 0; index < pairsPerRound; index++) run(idOf(round * pairsPerRound + index))
  return ((performance.now() - startedMs) * 1_000) / pairsPerRound
}

function pair(ledger: Ledger, id: string): void {
  void ledger.reserve({
    id,
    account: 'acme',
    key: 'key_1',
    amount: 100,
    ttlMs: 60_000,
    model: 'gpt-5',
    caps: { day: 1_000_000_000 },
  })
  void ledger.settle(id, 50, { inputTokens: 10, outputTokens: 20 })
}

function idOf(number: number): string {
  return `req_lazu_01KSBV4MC6${String(number).padStart(16, '0')}`
}

function open(name: string, synchronous: Synchronous): SqliteDatabase {
  const database = new Database(join(folder, name))
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`)
  return database
}

function fundedLedger(database: SqliteDatabase): Ledger {
  return funded(sqliteStore({ database }).ledger)
}

function funded<T extends Ledger>(ledger: T): T {
  void ledger.credit('acme', 1_000_000_000_000, 'start')
  return ledger
}

type Call = (id: string) => void

/**
 * The statements of one pair as the ledger runs them, written down and run again with nothing around
 * them.
 */
function replayOnBareDriver(synchronous: Synchronous): (id: string) => void {
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
  const ledger = fundedLedger(recorder)
  // The first pair makes what is missing.
  pair(ledger, idOf(-1))
  recording = true
  pair(ledger, recorded)
  recording = false
  return (id) => {
    for (const call of calls) call(id)
  }
}
