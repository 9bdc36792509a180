/** What a rule counts. */
export type LimitUnit = 'requests' | 'tokens' | 'concurrency'

/** Where one rule stood for one request, after its decision. */
export interface RuleState {
  /** The rule's name, `rpm` for instance. */
  readonly rule: string
  readonly unit: LimitUnit
  /** The limit: a window's worth, or how many at once. */
  readonly limit: number
  /** The window the limit is for, in seconds: a minute, unless a limiter has one of its own. */
  readonly windowSeconds: number
  /** What is left, as a whole number, never negative. */
  readonly remaining: number
  /** Milliseconds until the whole limit is there again; 0 for concurrency. */
  readonly resetMs: number
  /** Milliseconds until one more is there; 0 when all of them are, and for concurrency. */
  readonly moreInMs: number
}

/** The state of the rule that leaves the least, among those that count a unit; of two, the slower. */
export function tightestState(
  states: readonly RuleState[],
  unit: LimitUnit,
): RuleState | undefined {
  let found: RuleState | undefined
  for (const state of states) {
    if (state.unit !== unit) continue
    if (found === undefined || isTighter(state, found)) found = state
  }
  return found
}

function isTighter(state: RuleState, than: RuleState): boolean {
  if (state.remaining !== than.remaining) return state.remaining < than.remaining
  return state.moreInMs > than.moreInMs
}
