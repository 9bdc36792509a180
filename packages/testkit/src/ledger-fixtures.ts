import { GatewayError, type Balance, type Ledger, type ReserveRequest } from '@lazu/core'
import type { FakeClock } from './fake-clock.js'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** Makes an empty ledger that goes by a clock. Whoever passes it in cleans up after each test. */
export type MakeLedger = (clock: FakeClock) => Ledger | Promise<Ledger>

/**
 * Abandons a ledger, as the end of its process would, without closing it, and opens what is kept of
 * it. It goes by the same clock.
 */
export type ReopenLedger = (ledger: Ledger, clock: FakeClock) => Ledger | Promise<Ledger>

/** A request to reserve 1 for a minute, with changes. */
export function request(changes: Partial<ReserveRequest> = {}): ReserveRequest {
  return { id: 'r1', account: 'acme', key: 'k1', amount: 1, ttlMs: 60_000, ...changes }
}

/** The balance that has these sums. */
export function balance(granted: number, settled: number, held: number): Balance {
  return { granted, settled, held, available: granted - settled - held }
}

/** What an action throws, undefined when nothing. */
export async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await action()
    return undefined
  } catch (error) {
    return error
  }
}

/** The condition an action is refused with, undefined when it is not. */
export async function refusal(action: () => unknown): Promise<string | undefined> {
  const error = await thrownBy(action)
  if (error === undefined || GatewayError.is(error)) return error?.condition
  throw error
}
