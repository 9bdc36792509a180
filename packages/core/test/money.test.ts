import { formatUsd, usd } from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('usd', () => {
  it.for([
    [0, 0],
    [-0, 0],
    [0.35, 350_000],
    [0.1 + 0.2, 300_000],
    [1.1 * 3, 3_300_000],
    [0.000001, 1],
    [1_234_567.891234, 1_234_567_891_234],
    [9_007_199_254, 9_007_199_254_000_000],
  ] as const)('counts %s dollars as %s micro-dollars', ([amount, micros]) => {
    expect(usd(amount)).toBe(micros)
  })

  it.for([
    -0.01,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    0.0000001,
    0.3500001,
    1_000_000.0000005,
    5e-324,
    9_007_199_254.75,
    1e300,
  ])('throws a RangeError for %s', (amount) => {
    expect(() => usd(amount)).toThrow(RangeError)
  })

  it('reads back every amount that dollars can be written in, to four billion', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4_000_000_000_000_000 }), (micros) => {
        expect(usd(micros / 1e6)).toBe(micros)
      }),
    )
  })
})

describe('formatUsd', () => {
  it.for([
    [0, '$0.0000'],
    [350_000, '$0.3500'],
    [120_000, '$0.1200'],
    [1, '$0.000001'],
    [10, '$0.00001'],
    [100, '$0.0001'],
    [12_345_678, '$12.345678'],
    [-5_000_000, '-$5.0000'],
    [-1, '-$0.000001'],
    [Number.MAX_SAFE_INTEGER, '$9007199254.740991'],
  ] as const)('writes %s as %s', ([micros, text]) => {
    expect(formatUsd(micros)).toBe(text)
  })

  it('is exact', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (micros) => {
        const text = formatUsd(micros)
        expect(text).toMatch(/^-?\$\d+\.\d{4,6}$/)
        const [, sign, dollars, decimals] = /^(-?)\$(\d+)\.(\d+)$/.exec(text) ?? []
        const exact = BigInt(`${sign}${dollars}${decimals?.padEnd(6, '0')}`)
        expect(exact).toBe(BigInt(micros))
      }),
    )
  })

  it.for([0.5, Number.NaN, 2 ** 53])('throws a RangeError for %s', (micros) => {
    expect(() => formatUsd(micros)).toThrow(RangeError)
  })
})
