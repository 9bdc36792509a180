import type { UsageQuery } from './ledger.js'
import { dayOfDate } from './utc-calendar.js'

/**
 * Checks what `usage` is asked.
 *
 * @throws RangeError naming the field: when there is not one of `account` and `key`, `from` or `to`
 *   is no date or `to` comes before `from`, or `by` is none of the three
 */
export function checkUsageQuery(query: UsageQuery): void {
  const { account, key }: { account?: unknown; key?: unknown } = query
  if (typeof (account ?? key) !== 'string' || (account !== undefined && key !== undefined)) {
    throw new RangeError('account or key must be a text, and one of them given')
  }
  if (dayOfDate('from', query.from) > dayOfDate('to', query.to)) {
    throw new RangeError(`to must not be a day before from, but is ${query.to}`)
  }
  if (query.by !== 'day' && query.by !== 'model' && query.by !== 'key') {
    throw new RangeError("by must be 'day', 'model' or 'key'")
  }
}
