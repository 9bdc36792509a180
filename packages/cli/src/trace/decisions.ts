import { conditions, isCondition, type RequestRecord } from '@lazu/core'

/** The heads of a table of decisions. */
export const decisionHeads: readonly string[] = ['Guard', 'Decision']

/** What each guard decided, in their order, and then what became of it behind them. */
export function decisionRows(request: RequestRecord): readonly (readonly string[])[] {
  const rows = request.passed.map((guard) => [guard, 'passed'])
  if (request.refusedBy !== undefined) {
    rows.push([request.refusedBy, `refused: ${reasonOf(request)}`])
  } else if (request.condition !== undefined) {
    rows.push(['(handler)', `failed: ${reasonOf(request)}`])
  } else {
    rows.push(['(handler)', 'answered'])
  }
  return rows
}

/** How the request ended, in one line. */
export function outcomeOf({ status, completed, durationMs }: RequestRecord): string {
  const end = completed ? 'the whole answer was sent' : 'the answer was broken off'
  return `${status}, ${end}, ${Math.round(durationMs * 10) / 10} ms`
}

function reasonOf({ condition, status }: RequestRecord): string {
  // A record may come from another version, which knows other conditions.
  if (!isCondition(condition)) return String(condition ?? status)
  return `${condition}, ${status} (${conditions[condition].when})`
}
