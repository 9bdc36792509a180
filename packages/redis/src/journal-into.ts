import { GatewayError, type Ledger, type Settled } from '@lazu/core'
import type { JournalEntry, JournalSink } from './journal.js'

/** What of a ledger is used to take a journal in. */
export type JournaledLedger = Pick<Ledger, 'balance' | 'credit' | 'reserve' | 'settle' | 'release'>

/** Longer than a journal is left undrained: a charge must find its reservation open. */
const yearMs = 365 * 86_400_000

/** Whom a charge is counted for that belongs to no key: what an account was raised by after a loss. */
const noKey = 'restored'

/**
 * Takes the journal into a ledger that lasts, one of `postgresStore` or `sqliteStore` for instance:
 * credits and charges, with their keys, models and tokens. Reservations hold nothing there. What is
 * handed out again changes nothing.
 *
 * What an account was raised by after a loss is taken as far as it is missing, so that what was being
 * drained at that moment is charged once. That is exact as long as nobody else drains meanwhile, nor
 * charges that account in the ledger.
 *
 * A charge counts in the day it is drained on. The ledger in Redis must have the same one as
 * `durable`, so that credits are there first.
 *
 * @example
 * ```ts
 * const durable = postgresStore({ pool }).ledger
 * const ledger = redisLedger(client, { durable })
 * await ledger.drainJournal(journalInto(durable))
 * ```
 */
export function journalInto(ledger: JournaledLedger): JournalSink {
  return async (entries) => {
    // In their order, because an account in debt takes no reservation any more, but those of a kind
    // that stand side by side at once.
    for (const run of runsOfKind(entries)) {
      const taking = run.map((entry) => takeMissing(ledger, entry))
      // None of them may be under way any more when somebody drains the next time.
      await Promise.allSettled(taking)
      await Promise.all(taking)
    }
  }
}

function runsOfKind(entries: readonly JournalEntry[]): JournalEntry[][] {
  const runs: JournalEntry[][] = []
  for (const entry of entries) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    // A total is compared with what is there when all before it was taken, and nothing behind it.
    const isAlone = entry.total !== undefined || last?.total !== undefined
    if (last?.kind === entry.kind && !isAlone) run?.push(entry)
    else runs.push([entry])
  }
  return runs
}

/** Takes of what an account was raised by no more than is missing. */
async function takeMissing(ledger: JournaledLedger, entry: JournalEntry): Promise<void> {
  const { account, kind, amount, total } = entry
  if (total === undefined) return take(ledger, entry)
  const { granted, settled } = await ledger.balance(account)
  const missing = total - (kind === 'grant' ? granted : settled)
  if (missing > 0) await take(ledger, { ...entry, amount: Math.min(amount, missing) })
}

async function take(ledger: JournaledLedger, entry: JournalEntry): Promise<void> {
  switch (entry.kind) {
    case 'grant':
      await ledger.credit(entry.account, entry.amount, entry.id)
      return
    case 'reserve':
      await open(ledger, entry)
      return
    case 'settled':
      await settle(ledger, entry)
      return
    case 'released':
    case 'expired':
      await ledger.release(entry.id)
  }
}

async function open(ledger: JournaledLedger, entry: JournalEntry): Promise<void> {
  const { id, account, key = noKey, model } = entry
  try {
    await ledger.reserve({ id, account, key, amount: 0, ttlMs: yearMs, model })
  } catch (error) {
    // It was handed out before, and has ended since.
    if (!GatewayError.is(error) || error.condition !== 'quota_conflict') throw error
  }
}

/** A charge that nobody reserved in this ledger. */
async function reserveAndSettle(
  ledger: JournaledLedger,
  entry: JournalEntry,
): Promise<Settled | undefined> {
  await open(ledger, entry)
  return ledger.settle(entry.id, entry.amount, entry.tokens)
}

async function settle(ledger: JournaledLedger, entry: JournalEntry): Promise<void> {
  const { id, amount, tokens } = entry
  let settled = await ledger.settle(id, amount, tokens)
  // Raised after a loss: nobody had reserved it.
  settled ??= await reserveAndSettle(ledger, entry)
  if (settled !== undefined && settled.ended !== 'settled') {
    // Its time was over before Redis forgot it, and whoever made it charged it all the same.
    settled = await reserveAndSettle(ledger, { ...entry, id: `${id}-lost` })
  }
  if (settled?.ended !== 'settled') {
    throw new Error(`the charge of ${id} was not taken: its reservation was ${settled?.ended}`)
  }
}
