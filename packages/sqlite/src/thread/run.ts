// What runs in the thread of a store: it has the file open, and does what it is asked.
import { parentPort, workerData } from 'node:worker_threads'
import { GatewayError, isPromise } from '@lazu/core/stores'
import { Connection } from '../connection.js'
import type { SqliteDatabase } from '../database.js'
import { DatabaseStore } from '../database-store.js'
import { openDatabase } from '../open-database.js'
import { machineTimes, StoreClock } from '../store-clock.js'
import { CarriedTimes } from './carried-times.js'
import { takeApart, type CrossedError } from './crossed-error.js'
import { behindGate, Gate } from './gate.js'
import { handle, handlersOf, type Handlers } from './handlers.js'
import { failureOf, type Call, type FromThread, type ThreadSettings } from './messages.js'

if (parentPort === null) throw new Error('this runs in a thread of a store')
const port = parentPort
const settings: ThreadSettings = workerData
const gate = new Gate(settings.gate)
const carried = settings.isClockGiven ? new CarriedTimes() : undefined

/** Calls that wait for something: another process, or their own next step. */
const waiting = new Set<Promise<unknown>>()
let handlers: Handlers | undefined

/** Answers in one message, so that the first of many calls do not wait for the last. */
const mostTogether = 16

type AnswerOut = readonly [id: number, value?: unknown, error?: CrossedError]

function send(message: FromThread): void {
  port.postMessage(message)
}

function open(): Handlers {
  const { path, synchronous, busyTimeoutMs, keptRequests, clockOffsetMs } = settings
  gate.enter()
  let database: SqliteDatabase
  try {
    database = behindGate(openDatabase(path, path, synchronous), gate)
  } finally {
    gate.leave()
  }
  try {
    const connection = new Connection(database, busyTimeoutMs)
    const clock = new StoreClock(carried ?? machineTimes, clockOffsetMs)
    const store = new DatabaseStore(connection, clock, keptRequests, (warning) => send({ warning }))
    // From now on a step that waits for another process lets others pass.
    database.exec('PRAGMA busy_timeout = 0')
    return handlersOf(store, database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** The answer to a call; a promise of it when it must wait. */
function answer(call: Call): AnswerOut | Promise<AnswerOut> {
  const [id, method, , monotonicMs, wallMs] = call
  if (monotonicMs !== undefined && wallMs !== undefined) carried?.set(monotonicMs, wallMs)
  const failed = (error: unknown): AnswerOut => [id, null, takeApart(error)]
  try {
    handlers ??= open()
  } catch (error) {
    return failed(new GatewayError(failureOf[method], { cause: error }))
  }
  const done = (value: unknown): AnswerOut => (value === undefined ? [id] : [id, value])
  try {
    const value = handle<typeof method>(handlers, call)
    return isPromise<unknown>(value) ? value.then(done, failed) : done(value)
  } catch (error) {
    return failed(error)
  }
}

function receive(calls: readonly Call[]): void {
  const answers: AnswerOut[] = []
  for (const call of calls) {
    const [id, method] = call
    const answered = method === 'close' ? end(id) : answer(call)
    if (isPromise(answered)) void sendLater(answered)
    else answers.push(answered)
    if (answers.length === mostTogether) send(JSON.stringify(answers.splice(0)))
  }
  if (answers.length > 0) send(JSON.stringify(answers))
}

async function sendLater(answered: Promise<AnswerOut>): Promise<void> {
  waiting.add(answered)
  send(JSON.stringify([await answered]))
  waiting.delete(answered)
}

/** Closes the file, and ends the thread when all has been answered. */
async function end(id: number): Promise<AnswerOut> {
  const others = [...waiting]
  await handlers?.close()
  await Promise.all(others)
  // Without it nothing holds the thread.
  setImmediate(() => port.close())
  return [id]
}

port.on('message', (calls: string) => receive(JSON.parse(calls)))
