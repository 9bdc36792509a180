import type { Usage, WholeUsage } from './usage.js'

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
  const sum: WholeUsage = {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedInputTokens: add(one.cachedInputTokens, other.cachedInputTokens),
    cacheWriteInputTokens: add(one.cacheWriteInputTokens, other.cacheWriteInputTokens),
    longCacheWriteInputTokens: add(one.longCacheWriteInputTokens, other.longCacheWriteInputTokens),
    audioInputTokens: add(one.audioInputTokens, other.audioInputTokens),
    imageInputTokens: add(one.imageInputTokens, other.imageInputTokens),
    audioOutputTokens: add(one.audioOutputTokens, other.audioOutputTokens),
    imageOutputTokens: add(one.imageOutputTokens, other.imageOutputTokens),
  }
  return sum
}

function add(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0)
}
