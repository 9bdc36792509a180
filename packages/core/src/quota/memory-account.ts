import type { Balance } from './ledger.js'

/** An account's sums in memory. Each is a safe integer, and so is every difference of them. */
export interface Account {
  granted: number
  settled: number
  held: number
  /** Of the credits. */
  readonly references: Set<string>
}

/** An account that has nothing. */
export function emptyAccount(): Account {
  return { granted: 0, settled: 0, held: 0, references: new Set() }
}

/** What an account can pay; negative when it is in debt. */
export function availableOf(account: Account): number {
  return account.granted - account.settled - account.held
}

/** A copy of an account's sums, for callers. No account has zeros. */
export function balanceOf(account: Account | undefined): Balance {
  if (account === undefined) return { granted: 0, settled: 0, held: 0, available: 0 }
  const { granted, settled, held } = account
  return { granted, settled, held, available: availableOf(account) }
}
