import type { KeyUsage } from './daily-usage.js'
import type { Expiring } from './expiry-queue.js'
import type { KeySpending } from './key-spending.js'
import type { ChargedTokens, Movement, Reservation, Settled } from './ledger.js'
import type { Account } from './memory-account.js'

/** What is kept of one key. */
export interface Key {
  readonly spending: KeySpending
  readonly usage: KeyUsage
}

/** A reservation in memory, open or ended. */
export interface Entry extends Expiring {
  readonly id: string
  readonly accountName: string
  readonly keyName: string
  readonly account: Account
  readonly key: Key
  readonly model: string | undefined
  readonly amount: number
  /** By the wall clock, as `endedWallMs`: expiry goes by the monotonic one. */
  readonly reservedWallMs: number
  /** How it ended; undefined while it is open. */
  ended: Settled['ended'] | undefined
  endedWallMs: number
  charged: number
  tokens: ChargedTokens | undefined
}

/** A copy of the reservation, for callers. */
export function reservationOf(entry: Entry): Reservation {
  const { id, accountName, keyName, amount } = entry
  return { id, account: accountName, key: keyName, amount }
}

/** How it ended; undefined while it is open. */
export function settledOf(entry: Entry): Settled | undefined {
  const { id, ended, charged } = entry
  return ended === undefined ? undefined : { id, ended, amount: charged }
}

/** What happened to it until now. */
export function movementsOf(entry: Entry): Movement[] {
  const { id, accountName, keyName, model, amount, ended, charged, tokens } = entry
  const named = { id, account: accountName, key: keyName, model }
  const made: Movement = { kind: 'reserve', atMs: entry.reservedWallMs, ...named, amount }
  if (ended === undefined) return [made]
  const atMs = entry.endedWallMs
  if (ended !== 'settled') return [made, { kind: ended, atMs, ...named, amount }]
  const copy = tokens === undefined ? undefined : tokensOf(tokens)
  return [made, { kind: ended, atMs, ...named, amount: charged, tokens: copy }]
}

/** A copy that has the counts and nothing else. */
export function tokensOf({ inputTokens, outputTokens }: ChargedTokens): ChargedTokens {
  return { inputTokens, outputTokens }
}
