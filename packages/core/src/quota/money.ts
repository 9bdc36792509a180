const microsPerDollar = 1_000_000

/** What a sum of a few floats may be off by, relative to its size. */
const floatNoise = 2 ** -48

/**
 * An amount in US dollars as micro-USD, the whole number in which money is counted everywhere.
 *
 * @throws RangeError when the amount is negative, not finite, finer than a micro-dollar (what
 *   floating point adds, as in `0.1 + 0.2`, does not count), or too large to be counted exactly
 * @example
 * ```ts
 * usd(0.35) // 350_000
 * ```
 */
export function usd(amount: number): number {
  if (!Number.isFinite(amount) || amount < 0) {
    throw new RangeError(`amount must be a finite number of dollars from 0 up, but is ${amount}`)
  }
  const scaled = amount * microsPerDollar
  const micros = Math.round(scaled)
  if (Math.abs(scaled - micros) > scaled * floatNoise) {
    throw new RangeError(`amount must be whole micro-dollars, but ${amount} is finer than that`)
  }
  if (micros > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`amount must be at most 9007199254.740991 dollars, but is ${amount}`)
  }
  return micros === 0 ? 0 : micros
}

/**
 * An amount of micro-USD for people: with four decimals, and with as many more as it takes to be
 * exact.
 *
 * @throws RangeError when the amount is not a safe integer
 * @example
 * ```ts
 * formatUsd(350_000) // '$0.3500'
 * formatUsd(-5) // '-$0.000005'
 * ```
 */
export function formatUsd(micros: number): string {
  if (!Number.isSafeInteger(micros)) {
    throw new RangeError(`micros must be a whole number of micro-dollars, but is ${micros}`)
  }
  const digits = String(Math.abs(micros)).padStart(7, '0')
  const dollars = digits.slice(0, -6)
  const decimals = digits.slice(-6)
  const shown = decimals.endsWith('00') ? 4 : decimals.endsWith('0') ? 5 : 6
  return `${micros < 0 ? '-' : ''}$${dollars}.${decimals.slice(0, shown)}`
}
