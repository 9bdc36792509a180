import {
  ConfigurationError,
  GatewayError,
  costMicros,
  createPriceList,
  dearestCostMicros,
  pricesSchema,
  usd,
  type Price,
  type Usage,
} from '@lazu/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('createPriceList', () => {
  const direct: Price = { input: usd(3), output: usd(15) }
  const cheap: Price = { input: usd(2), output: usd(9) }
  const flat: Price = { input: usd(1.25), output: usd(10), call: usd(0.01) }
  const list = createPriceList({ flat, laned: { lanes: { direct, cheap } } })

  it('gives the price of a model in whatever lane', () => {
    expect(list.pricesFor('flat', undefined)).toEqual([flat])
    expect(list.pricesFor('flat', 'direct')).toEqual([flat])
  })

  it("gives the lane's price, or those of all lanes when there is no lane", () => {
    expect(list.pricesFor('laned', 'cheap')).toEqual([cheap])
    expect(list.pricesFor('laned', undefined)).toEqual([direct, cheap])
  })

  it.for(['unknown', '__proto__', 'constructor', 'toString', 'lanes', ''])(
    'has no price for a model or lane called "%s"',
    (name) => {
      expect(list.pricesFor(name, undefined)).toEqual([])
      expect(list.pricesFor('laned', name)).toEqual([])
    },
  )

  it('is not changed by who changes the prices afterwards', () => {
    const price = { input: 1, output: 1 }
    const own = createPriceList({ flat: price })
    price.input = 0
    expect(own.pricesFor('flat', undefined)).toEqual([{ input: 1, output: 1 }])
  })

  it.for([
    [{ a: { input: -1, output: 1 } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.input'],
    [{ a: { input: 0.5, output: 1 } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.input'],
    [{ a: { input: 2 ** 53, output: 1 } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.input'],
    [{ a: { input: Number.NaN, output: 1 } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.input'],
    [{ a: { input: 1, output: 1, call: -1 } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.call'],
    [{ a: { input: 1 } }, 'LAZU_CONFIG_MISSING_OPTION', 'prices.a.output'],
    [{ a: { input: 1, output: 1, cached: 1 } }, 'LAZU_CONFIG_UNKNOWN_OPTION', 'prices.a.cached'],
    [
      { a: { lanes: { x: { input: 1, output: 1, y: 1 } } } },
      'LAZU_CONFIG_UNKNOWN_OPTION',
      'prices.a.lanes.x.y',
    ],
    [{ a: { lanes: {} } }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a.lanes'],
    [
      { a: { lanes: { x: { input: 1, output: 1 } }, input: 1 } },
      'LAZU_CONFIG_UNKNOWN_OPTION',
      'prices.a.input',
    ],
    [{ a: null }, 'LAZU_CONFIG_INVALID_OPTION', 'prices.a'],
    [null, 'LAZU_CONFIG_INVALID_OPTION', 'prices'],
  ] as const)('stops the start over %j', ([prices, code, path]) => {
    let error: unknown
    try {
      // As a file of JSON would bring it.
      Reflect.apply(createPriceList, undefined, [prices])
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toMatchObject({ code, path })
  })

  it('has a schema that takes what it takes', () => {
    const prices = { flat, laned: { lanes: { direct, cheap } } }
    expect(pricesSchema.parse(prices)).toEqual(prices)
    expect(pricesSchema.safeParse({ flat: { input: 1 } }).success).toBe(false)
  })
})

describe('costMicros', () => {
  const price: Price = {
    input: 1_000_000,
    output: 10_000_000,
    cachedInput: 100_000,
    audioInput: 5_000_000,
    audioOutput: 20_000_000,
    imageInput: 2_000_000,
    imageOutput: 30_000_000,
    cacheWriteInput: 1_250_000,
    longCacheWriteInput: 3_000_000,
  }

  it('is tokens times price, by the million', () => {
    expect(costMicros(price, { inputTokens: 1_000, outputTokens: 100 })).toBe(2_000)
    expect(costMicros(price, { inputTokens: 0, outputTokens: 0 })).toBe(0)
  })

  it('prices each part at its own price', () => {
    const usage = { inputTokens: 1_000, outputTokens: 100 }
    expect(costMicros(price, { ...usage, cachedInputTokens: 400 })).toBe(600 + 40 + 1_000)
    expect(costMicros(price, { ...usage, audioInputTokens: 400 })).toBe(600 + 2_000 + 1_000)
    expect(costMicros(price, { ...usage, imageInputTokens: 400 })).toBe(600 + 800 + 1_000)
    expect(costMicros(price, { ...usage, audioOutputTokens: 40 })).toBe(1_000 + 600 + 800)
    expect(costMicros(price, { ...usage, imageOutputTokens: 40 })).toBe(1_000 + 600 + 1_200)
    expect(costMicros(price, { ...usage, cacheWriteInputTokens: 400 })).toBe(600 + 500 + 1_000)
    const long = { ...usage, cacheWriteInputTokens: 400, longCacheWriteInputTokens: 200 }
    expect(costMicros(price, long)).toBe(400 + 500 + 600 + 1_000)
  })

  it('prices what is kept in a cache for an hour like what is kept for less, if need be', () => {
    const usage = { inputTokens: 1_000, outputTokens: 0, longCacheWriteInputTokens: 400 }
    expect(costMicros({ ...price, longCacheWriteInput: undefined }, usage)).toBe(600 + 500)
  })

  it('prices a part like its whole when it has no price of its own', () => {
    const usage: Usage = {
      inputTokens: 1_000,
      outputTokens: 100,
      cachedInputTokens: 100,
      audioInputTokens: 200,
      imageInputTokens: 300,
      cacheWriteInputTokens: 50,
      longCacheWriteInputTokens: 50,
      audioOutputTokens: 50,
      imageOutputTokens: 20,
    }
    expect(costMicros({ input: 1_000_000, output: 10_000_000 }, usage)).toBe(2_000)
  })

  it('cuts parts that are more than their whole: audio, images, read from a cache, written', () => {
    const all = { cachedInputTokens: 900, audioInputTokens: 500, imageInputTokens: 300 }
    expect(costMicros(price, { inputTokens: 1_000, outputTokens: 0, ...all })).toBe(
      2_500 + 600 + 20,
    )
    const written = { cacheWriteInputTokens: 900, longCacheWriteInputTokens: 100 }
    const some = { cachedInputTokens: 100, ...written }
    expect(costMicros(price, { inputTokens: 1_000, outputTokens: 0, ...some })).toBe(
      10 + 300 + 1_000,
    )
    const audio = { inputTokens: 0, outputTokens: 10, audioOutputTokens: 9, imageOutputTokens: 9 }
    expect(costMicros(price, audio)).toBe(180 + 30)
  })

  it('rounds up once, after everything is added', () => {
    const third = { input: 333_333, output: 333_333 }
    expect(costMicros(third, { inputTokens: 1, outputTokens: 0 })).toBe(1)
    expect(costMicros(third, { inputTokens: 1, outputTokens: 2 })).toBe(1)
    expect(costMicros(third, { inputTokens: 2, outputTokens: 2 })).toBe(2)
  })

  it('adds the price of the calls', () => {
    const calls = { input: 0, output: 0, call: 10_000 }
    const usage = { inputTokens: 5, outputTokens: 5 }
    expect(costMicros(calls, usage)).toBe(10_000)
    expect(costMicros(calls, usage, 3)).toBe(30_000)
    expect(costMicros(calls, usage, 0)).toBe(0)
  })

  const anAmount = fc.oneof(fc.nat(), fc.nat({ max: 1_000_000_000 }), fc.maxSafeNat())
  const aPrice = fc.record(
    {
      input: anAmount,
      output: anAmount,
      cachedInput: anAmount,
      audioInput: anAmount,
      audioOutput: anAmount,
      imageInput: anAmount,
      imageOutput: anAmount,
      cacheWriteInput: anAmount,
      longCacheWriteInput: anAmount,
      call: anAmount,
    },
    { requiredKeys: ['input', 'output'] },
  )
  const aCount = fc.oneof(fc.nat({ max: 1_000 }), fc.nat({ max: 1_000_000_000 }))
  const aUsage = fc.record(
    {
      inputTokens: aCount,
      outputTokens: aCount,
      cachedInputTokens: aCount,
      audioInputTokens: aCount,
      audioOutputTokens: aCount,
      imageInputTokens: aCount,
      imageOutputTokens: aCount,
      cacheWriteInputTokens: aCount,
      longCacheWriteInputTokens: aCount,
    },
    { requiredKeys: ['inputTokens', 'outputTokens'] },
  )

  it('is exact, or a RangeError when it cannot be', () => {
    fc.assert(
      fc.property(aPrice, aUsage, fc.nat({ max: 5 }), (one, usage, calls) => {
        const cost = orInfinity(() => costMicros(one, usage, calls))
        expect(cost).toBe(exactCost(one, usage, calls))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is exact where a quotient of floats is not', () => {
    // 9007199254000001 / 1e6 has its 1 beyond what a double can hold next to 9007199254.
    const one = { input: 9_007_199_254_000_001, output: 0 }
    expect(costMicros(one, { inputTokens: 1, outputTokens: 0 })).toBe(9_007_199_255)
  })

  it('never costs less for more input, output or calls with the same parts', () => {
    const small = fc.nat({ max: 1_000_000 })
    const aSmallPrice = aPrice.map((one): Price => {
      const entries = Object.entries(one).map(([name, amount]) => [name, amount % 100_000_000])
      return { input: 0, output: 0, ...Object.fromEntries(entries) }
    })
    fc.assert(
      fc.property(aSmallPrice, aUsage, small, small, fc.nat({ max: 9 }), (one, usage, i, o, c) => {
        const more = {
          ...usage,
          inputTokens: usage.inputTokens + i,
          outputTokens: usage.outputTokens + o,
        }
        expect(costMicros(one, more, 1 + c)).toBeGreaterThanOrEqual(costMicros(one, usage, 1))
      }),
    )
  })

  it.for([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'throws a RangeError for %s tokens of any kind, or calls',
    (bad) => {
      const usage = { inputTokens: 10, outputTokens: 10 }
      for (const name of [
        'inputTokens',
        'outputTokens',
        'cachedInputTokens',
        'audioInputTokens',
        'audioOutputTokens',
        'imageInputTokens',
        'imageOutputTokens',
        'cacheWriteInputTokens',
        'longCacheWriteInputTokens',
      ]) {
        expect(() => costMicros(price, { ...usage, [name]: bad })).toThrow(RangeError)
      }
      expect(() => costMicros({ ...price, call: 1 }, usage, bad)).toThrow(RangeError)
    },
  )

  it('throws a RangeError for a cost beyond all counting', () => {
    const most = Number.MAX_SAFE_INTEGER
    const dear = { input: most, output: most, call: most }
    expect(() => costMicros(dear, { inputTokens: 1_000_000, outputTokens: 0 })).toThrow(RangeError)
    expect(costMicros(dear, { inputTokens: 1_000_000, outputTokens: 0 }, 0)).toBe(most)
    expect(costMicros(dear, { inputTokens: 0, outputTokens: 0 }, 1)).toBe(most)
  })

  it('is never less by the dearest price than by any of them, however the tokens fall', () => {
    fc.assert(
      fc.property(fc.array(aPrice, { minLength: 1, maxLength: 4 }), aUsage, (prices, usage) => {
        const costs = prices.map((one) => exactCost(one, usage, 1))
        const dearest = orInfinity(() => dearestCostMicros(prices, usage))
        expect(dearest).toBeGreaterThanOrEqual(Math.max(...costs))
      }),
    )
  })

  it('takes all of an estimate as the dearest kind there is, and no dearer', () => {
    const estimate = { inputTokens: 1_000, outputTokens: 100 }
    expect(dearestCostMicros([price], estimate)).toBe(5_000 + 3_000)
    const cheaper = { input: 1, output: 1 }
    expect(dearestCostMicros([cheaper, price, cheaper], estimate)).toBe(8_000)
    expect(dearestCostMicros([{ ...cheaper, call: 100 }], estimate, 2)).toBe(1 + 200)
  })

  it('is no free lunch when there is no price', () => {
    let error: unknown
    try {
      dearestCostMicros([], { inputTokens: 1, outputTokens: 1 })
    } catch (thrown) {
      error = thrown
    }
    expect(GatewayError.is(error) && error.condition).toBe('pricing_not_configured')
  })
})

/** The cost counted another way; Infinity when it is too large. */
function exactCost(one: Price, usage: Usage, calls: number): number {
  const write = one.cacheWriteInput ?? one.input
  const input = exactSum(usage.inputTokens, [
    [usage.audioInputTokens, one.audioInput ?? one.input],
    [usage.imageInputTokens, one.imageInput ?? one.input],
    [usage.cachedInputTokens, one.cachedInput ?? one.input],
    [usage.longCacheWriteInputTokens, one.longCacheWriteInput ?? write],
    [usage.cacheWriteInputTokens, write],
    [usage.inputTokens, one.input],
  ])
  const output = exactSum(usage.outputTokens, [
    [usage.audioOutputTokens, one.audioOutput ?? one.output],
    [usage.imageOutputTokens, one.imageOutput ?? one.output],
    [usage.outputTokens, one.output],
  ])
  const total = input + output
  const roundedUp = total / 1_000_000n + (total % 1_000_000n > 0n ? 1n : 0n)
  const cost = roundedUp + BigInt(one.call ?? 0) * BigInt(calls)
  return cost > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(cost)
}

/** Tokens times price, each part cut to what the ones before it leave of the whole. */
function exactSum(
  whole: number,
  parts: readonly (readonly [number | undefined, number])[],
): bigint {
  let left = BigInt(whole)
  let total = 0n
  for (const [tokens, amount] of parts) {
    const wanted = BigInt(tokens ?? 0)
    const part = wanted < left ? wanted : left
    left -= part
    total += part * BigInt(amount)
  }
  return total
}

/** What an action returns, Infinity when it throws that it is too large. */
function orInfinity(action: () => number): number {
  try {
    return action()
  } catch (error) {
    if (error instanceof RangeError) return Infinity
    throw error
  }
}
