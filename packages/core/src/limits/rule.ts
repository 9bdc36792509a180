/** What a rule counts. */
export type LimitUnit = 'requests' | 'tokens' | 'concurrency'

/** Where one rule stood for one request, after its decision. */
export interface RuleState {
  /** The rule's name, `rpm` for instance. */
  readonly rule: string
  readonly unit: LimitUnit
  /** The limit: a minute's worth, or how many at once. */
  readonly limit: number
  /** What is left, as a whole number, never negative. */
  readonly remaining: number
  /** Milliseconds until the whole limit is there again; 0 for concurrency. */
  readonly resetMs: number
}

/** The state of the rule that leaves the least, among those that count a unit. */
export function tightestState(
  states: readonly RuleState[],
  unit: LimitUnit,
): RuleState | undefined {
  let found: RuleState | undefined
  for (const state of states) {
    if (state.unit !== unit) continue
    if (found === undefined || state.remaining < found.remaining) found = state
  }
  return found
}
