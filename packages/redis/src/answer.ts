import type { Balance } from '@lazu/core'

/** What each script about an account answers with. */
export interface Answer {
  readonly status: string
  /** Which making of the account this is; empty when there is no such account. */
  readonly generation: string
  /** How often the account was written to. */
  readonly steps: number
  readonly granted: number
  readonly settled: number
  readonly held: number
  /** Whether the account was loaded again since it was forgotten. */
  readonly isRestored: boolean
  /** What the step itself answers. */
  readonly rest: readonly unknown[]
}

/** Reads a script's answer. */
export function readAnswer(answer: unknown): Answer {
  const [status, generation, steps, granted, settled, held, restored, ...rest] = list(answer)
  return {
    status: text(status),
    generation: text(generation),
    steps: integer(steps),
    granted: integer(granted),
    settled: integer(settled),
    held: integer(held),
    isRestored: text(restored) === '1',
    rest,
  }
}

/** The account's money in an answer. */
export function balanceIn({ granted, settled, held }: Answer): Balance {
  return { granted, settled, held, available: granted - settled - held }
}

/** A list in an answer. */
export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new TypeError(`Redis answered with ${typeof value} where a list was expected`)
}

/** A text in an answer. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`Redis answered with ${typeof value} where a text was expected`)
}

/** A whole number in an answer, which is written as a text. */
export function integer(value: unknown): number {
  const number = Number(text(value))
  if (Number.isInteger(number)) return number
  throw new TypeError('Redis answered with a text where a whole number was expected')
}

/** The error for an amount that makes a sum too large to be exact. */
export function tooLarge(sum: string): RangeError {
  return new RangeError(
    `amount added to ${sum} before must be a whole number up to ${Number.MAX_SAFE_INTEGER}`,
  )
}
