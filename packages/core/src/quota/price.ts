import { z } from 'zod'
import { checkOptions } from '../lib/options.js'

/**
 * What a model costs: micro-USD (or the ledger's unit) per million tokens of a kind, whole numbers.
 *
 * @example $2.50 per million input tokens, $10 per million output tokens:
 * ```ts
 * const price: Price = { input: usd(2.5), output: usd(10), cachedInput: usd(1.25) }
 * ```
 */
export interface Price {
  readonly input: number
  readonly output: number
  /** Input read from a cache. Like `input` when left out. */
  readonly cachedInput?: number | undefined
  /** Input written to a cache. Like `input` when left out; Anthropic takes a quarter more. */
  readonly cacheWriteInput?: number | undefined
  /**
   * Input written to a cache for an hour. Like `cacheWriteInput` when left out; Anthropic takes twice
   * what it takes for `input`.
   */
  readonly longCacheWriteInput?: number | undefined
  /** Like `input` when left out. */
  readonly audioInput?: number | undefined
  /** Like `output` when left out. */
  readonly audioOutput?: number | undefined
  /** Like `input` when left out. */
  readonly imageInput?: number | undefined
  /** Images that a model writes as tokens. Like `output` when left out. */
  readonly imageOutput?: number | undefined
  /** Micro-USD for each call, beside the tokens. Nothing when left out. */
  readonly call?: number | undefined
}

/** One price, or one for each lane. */
export type ModelPrice = Price | { readonly lanes: Readonly<Record<string, Price>> }

/**
 * Prices by the model's name.
 *
 * @example
 * ```ts
 * const prices: Prices = {
 *   'gpt-5': { input: usd(1.25), output: usd(10) },
 *   'claude-sonnet': {
 *     lanes: {
 *       direct: { input: usd(3), output: usd(15) },
 *       cheap: { input: usd(2), output: usd(9) },
 *     },
 *   },
 * }
 * ```
 */
export type Prices = Readonly<Record<string, ModelPrice>>

const tokensMessage = 'Write a whole number of micro-USD per million tokens: usd(2.5), for instance'
const tokensSchema = z.int(tokensMessage).nonnegative(tokensMessage)
const callMessage = 'Write a whole number of micro-USD per call: usd(0.01), for instance'
const callSchema = z.int(callMessage).nonnegative(callMessage)

const priceMessage = 'Write a price: { input: usd(2.5), output: usd(10) }, for instance'
const priceSchema: z.ZodType<Price> = z.strictObject(
  {
    input: tokensSchema,
    output: tokensSchema,
    cachedInput: tokensSchema.optional(),
    cacheWriteInput: tokensSchema.optional(),
    longCacheWriteInput: tokensSchema.optional(),
    audioInput: tokensSchema.optional(),
    audioOutput: tokensSchema.optional(),
    imageInput: tokensSchema.optional(),
    imageOutput: tokensSchema.optional(),
    call: callSchema.optional(),
  },
  priceMessage,
)

const lanesMessage = 'Write a price for each lane: { lanes: { direct: { input, output } } }'
const lanesSchema = z.strictObject({
  lanes: z
    .record(z.string(), priceSchema, lanesMessage)
    .refine((lanes) => Object.keys(lanes).length > 0, lanesMessage),
})

// Not a union: its one issue would say that neither fits, and not what is wrong.
const modelPriceSchema = z.unknown().transform((value, context): ModelPrice => {
  const hasLanes = typeof value === 'object' && value !== null && Object.hasOwn(value, 'lanes')
  const schema: z.ZodType<ModelPrice> = hasLanes ? lanesSchema : priceSchema
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const { message, path } = issue
    if (issue.code === 'unrecognized_keys') {
      const { code, keys } = issue
      context.issues.push({ code, keys, message, path, input: { ...issue.input } })
    } else {
      context.issues.push({ code: 'custom', message, path, input: issue.input })
    }
  }
  return z.NEVER
})

/** The option `prices`: see {@link Prices}. */
export const pricesSchema: z.ZodType<Prices> = z.record(
  z.string(),
  modelPriceSchema,
  'Write the prices by model: { "gpt-5": { input, output } }',
)

/** Prices, ready to be asked on every request. */
export interface PriceList {
  /**
   * The prices that may apply to a request: the lane's own, or those of every lane when the key has
   * none. Empty when there is no price.
   */
  pricesFor(model: string, lane: string | undefined): readonly Price[]
}

interface ModelPrices {
  readonly all: readonly Price[]
  /** Undefined when one price is for every lane. */
  readonly byLane: ReadonlyMap<string, readonly Price[]> | undefined
}

const none: readonly Price[] = Object.freeze([])

/**
 * Makes a price list.
 *
 * @throws ConfigurationError when the prices are not what {@link Prices} says
 * @example
 * ```ts
 * const list = createPriceList({ 'gpt-5': { input: usd(1.25), output: usd(10) } })
 * list.pricesFor('gpt-5', undefined) // [{ input: 1_250_000, output: 10_000_000 }]
 * ```
 */
export function createPriceList(prices: Prices): PriceList {
  const models = new Map<string, ModelPrices>()
  for (const [model, price] of Object.entries(checkOptions(pricesSchema, prices, 'prices'))) {
    models.set(model, modelPrices(price))
  }
  return {
    pricesFor(model, lane) {
      const found = models.get(model)
      if (found === undefined) return none
      if (found.byLane === undefined || lane === undefined) return found.all
      return found.byLane.get(lane) ?? none
    },
  }
}

function modelPrices(price: ModelPrice): ModelPrices {
  if (!('lanes' in price)) return { all: [price], byLane: undefined }
  const lanes = Object.entries(price.lanes)
  return {
    all: lanes.map(([, lanePrice]) => lanePrice),
    byLane: new Map(lanes.map(([lane, lanePrice]) => [lane, [lanePrice]])),
  }
}
