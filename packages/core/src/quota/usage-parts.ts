import type { Price } from './price.js'
import type { Usage } from './usage.js'

type Whole = 'inputTokens' | 'outputTokens'

/** A count of a {@link Usage} that is a part of its input or of its output. */
export type PartName = Exclude<keyof Usage, Whole>

interface Part {
  readonly of: Whole
  /** What its tokens cost. */
  priceIn(price: Price): number
}

// In the order in which parts that are more than their whole together are cut to it.
const parts: Readonly<Record<PartName, Part>> = {
  audioInputTokens: { of: 'inputTokens', priceIn: (price) => price.audioInput ?? price.input },
  imageInputTokens: { of: 'inputTokens', priceIn: (price) => price.imageInput ?? price.input },
  cachedInputTokens: { of: 'inputTokens', priceIn: (price) => price.cachedInput ?? price.input },
  longCacheWriteInputTokens: {
    of: 'inputTokens',
    priceIn: (price) => price.longCacheWriteInput ?? price.cacheWriteInput ?? price.input,
  },
  cacheWriteInputTokens: {
    of: 'inputTokens',
    priceIn: (price) => price.cacheWriteInput ?? price.input,
  },
  audioOutputTokens: { of: 'outputTokens', priceIn: (price) => price.audioOutput ?? price.output },
  imageOutputTokens: { of: 'outputTokens', priceIn: (price) => price.imageOutput ?? price.output },
}

/** A part and what it is called in a usage. */
export interface NamedPart extends Part {
  readonly name: PartName
}

function isPartName(name: string): name is PartName {
  return Object.hasOwn(parts, name)
}

/** Every part there is, in the order in which they are cut to their wholes. */
export const usageParts: readonly NamedPart[] = Object.keys(parts)
  .filter(isPartName)
  .map((name) => ({ name, ...parts[name] }))

/** The parts of the input. */
export const inputParts: readonly NamedPart[] = usageParts.filter(({ of }) => of === 'inputTokens')

/** The parts of the output. */
export const outputParts: readonly NamedPart[] = usageParts.filter(
  ({ of }) => of === 'outputTokens',
)

/**
 * What two calls used together, for a handler that charges once for both.
 *
 * @example
 * ```ts
 * addUsage({ inputTokens: 9, outputTokens: 1 }, { inputTokens: 5, outputTokens: 2, cachedInputTokens: 4 })
 * // { inputTokens: 14, outputTokens: 3, cachedInputTokens: 4 }
 * ```
 */
export function addUsage(one: Usage, other: Usage): Usage {
  const sums: Partial<Record<PartName, number>> = {}
  for (const { name } of usageParts) {
    const tokens = one[name]
    const more = other[name]
    if (tokens !== undefined || more !== undefined) sums[name] = (tokens ?? 0) + (more ?? 0)
  }
  const inputTokens = one.inputTokens + other.inputTokens
  const outputTokens = one.outputTokens + other.outputTokens
  return { inputTokens, outputTokens, ...sums }
}
