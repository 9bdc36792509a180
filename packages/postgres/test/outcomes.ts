import { GatewayError, type ReserveRequest } from '@lazu/core'

/** A request to reserve 1 for a minute, with changes. */
export function request(changes: Partial<ReserveRequest> = {}): ReserveRequest {
  return { id: 'r1', account: 'acme', key: 'k1', amount: 1, ttlMs: 60_000, ...changes }
}

/** 'done', or the condition an action is refused with. */
export async function outcomeOf(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'done'
  } catch (error) {
    if (GatewayError.is(error)) return error.condition
    throw error
  }
}

/** How often each value is in a list. */
export function countsOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
