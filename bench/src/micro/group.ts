/** One way to do something. */
export interface Contender {
  readonly name: string
  /**
   * `minimum` is what somebody would write by hand for this one purpose, `package` what others
   * would install; `beside` only shows what a part costs.
   */
  readonly role: 'lazu' | 'minimum' | 'package' | 'beside'
  /** Does it once. Waited for when it is a promise. */
  readonly call: () => unknown
}

/** Several ways to do the same. */
export interface Group {
  readonly title: string
  /** What lazu may take at most, in nanoseconds. */
  readonly limitNs: number
  readonly contenders: readonly Contender[]
}

/** So many different values are used in turn, so that none is always in the processor's cache. */
export const different = 1024

/** Hands out values in turn. */
export function inTurn<Value>(make: (index: number) => Value): () => Value {
  const first = make(0)
  const values = [first, ...Array.from({ length: different - 1 }, (_, index) => make(index + 1))]
  let next = 0
  return () => {
    next = (next + 1) % different
    return values[next] ?? first
  }
}
