import { addUsage } from './add-usage.js'
import type { Usage } from './usage.js'

/** What calls to one model in one lane used together: each has a price of its own. */
export interface RelayedUsage {
  /** As callers name it; undefined: the one the request asked for, if any. */
  readonly model: string | undefined
  /** Of the channel that answered. */
  readonly lane: string | undefined
  readonly usage: Usage
}

/** The same list with one call more. It has no more entries than there are models and lanes. */
export function withRelayed(
  list: readonly RelayedUsage[],
  { model, lane, usage }: RelayedUsage,
): readonly RelayedUsage[] {
  const isSame = (one: RelayedUsage): boolean => one.model === model && one.lane === lane
  const before = list.find(isSame)
  if (before === undefined) return [...list, { model, lane, usage }]
  const sum = { model, lane, usage: addUsage(before.usage, usage) }
  return list.map((one) => (one === before ? sum : one))
}
