import type { Dialect, Retry } from '../dialects/dialect.js'
import { dialectOf, type DialectName } from '../dialects/index.js'
import { conditions, isCondition, type Condition } from '../errors/conditions.js'

/** One condition as a dialect says it. */
export interface CatalogueEntry {
  readonly condition: Condition
  readonly status: number
  readonly type: string
  readonly code: string
  readonly retry: Retry
  /** When it is met. */
  readonly when: string
}

/**
 * Every error a gateway can answer with, as data: for documentation, dashboards and clients.
 *
 * @example `catalogue('chuizi').filter(({ status }) => status === 402)`
 */
export function catalogue(dialect: DialectName | Dialect): readonly CatalogueEntry[] {
  const { answers } = dialectOf(dialect)
  return Object.keys(answers)
    .filter(isCondition)
    .map((condition) => {
      const [status, type, code, retry] = answers[condition]
      return { condition, status, type, code, retry, when: conditions[condition].when }
    })
}
