import type { Events } from '../events.js'
import type { Exchange } from '../exchange.js'
import type { LimitUnit } from './rule.js'

/** Tells that a rule which only observes would have refused a request. */
export function tellObserved(
  events: Events | undefined,
  exchange: Exchange,
  rule: string,
  unit: LimitUnit,
  limit: number,
  waitMs: number,
): void {
  if (events?.has('observed') !== true) return
  events.emit('observed', { ...exchange.facts(), rule, unit, limit, waitMs })
}
