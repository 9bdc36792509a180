import { ownField } from './own-field.js'
import type { Usage } from './usage.js'

/** More tokens than any request has. */
export const mostTokens = 1_000_000_000

/**
 * Reads a usage object as providers report it: ours (`inputTokens`), OpenAI's of chat completions
 * and embeddings (`prompt_tokens`), OpenAI's of responses and Anthropic's (`input_tokens`), and
 * Gemini's (`promptTokenCount`). Fields it does not know are nothing to it.
 *
 * Undefined when it is none of these, and when one of the numbers is not a whole one from 0 to
 * 1,000,000,000: a usage that is wrong in one place is not to be believed in the others, and is
 * never a credit. Null, as in `prompt_tokens_details: null`, is the same as absent. Of input and
 * output one may be absent, and is 0 then. A part that is larger than its whole is cut to it.
 *
 * @example
 * ```ts
 * readUsage({ prompt_tokens: 9, completion_tokens: 12 })
 * // { inputTokens: 9, outputTokens: 12 }
 * ```
 */
export function readUsage(value: unknown): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (has(value, 'inputTokens') || has(value, 'outputTokens')) return readOurs(value)
  if (has(value, 'prompt_tokens') || has(value, 'completion_tokens')) return readPromptTokens(value)
  if (has(value, 'input_tokens') || has(value, 'output_tokens')) return readInputTokens(value)
  if (has(value, 'promptTokenCount') || has(value, 'candidatesTokenCount')) return readGemini(value)
  return undefined
}

function readOurs(usage: object): Usage | undefined {
  return checked({
    inputTokens: count(usage, 'inputTokens') ?? 0,
    outputTokens: count(usage, 'outputTokens') ?? 0,
    cachedInputTokens: count(usage, 'cachedInputTokens'),
    audioInputTokens: count(usage, 'audioInputTokens'),
    audioOutputTokens: count(usage, 'audioOutputTokens'),
    imageInputTokens: count(usage, 'imageInputTokens'),
  })
}

/** OpenAI: chat completions, completions, embeddings. */
function readPromptTokens(usage: object): Usage | undefined {
  return checked({
    inputTokens: count(usage, 'prompt_tokens') ?? 0,
    outputTokens: count(usage, 'completion_tokens') ?? 0,
    cachedInputTokens: detail(usage, 'prompt_tokens_details', 'cached_tokens'),
    audioInputTokens: detail(usage, 'prompt_tokens_details', 'audio_tokens'),
    audioOutputTokens: detail(usage, 'completion_tokens_details', 'audio_tokens'),
    imageInputTokens: undefined,
  })
}

/**
 * OpenAI's responses count what was cached inside `input_tokens`; Anthropic counts it beside them,
 * in fields of their own. What is written to a cache is input like any other.
 */
function readInputTokens(usage: object): Usage | undefined {
  const cacheRead = count(usage, 'cache_read_input_tokens')
  const cacheWritten = count(usage, 'cache_creation_input_tokens') ?? 0
  return checked({
    inputTokens: (count(usage, 'input_tokens') ?? 0) + (cacheRead ?? 0) + cacheWritten,
    outputTokens: count(usage, 'output_tokens') ?? 0,
    cachedInputTokens: cacheRead ?? detail(usage, 'input_tokens_details', 'cached_tokens'),
    audioInputTokens: undefined,
    audioOutputTokens: undefined,
    imageInputTokens: undefined,
  })
}

/** Gemini counts thoughts beside the candidates, and what was cached inside the prompt. */
function readGemini(usage: object): Usage | undefined {
  const candidates = count(usage, 'candidatesTokenCount') ?? 0
  const thoughts = count(usage, 'thoughtsTokenCount') ?? 0
  return checked({
    inputTokens: count(usage, 'promptTokenCount') ?? 0,
    outputTokens: candidates + thoughts,
    cachedInputTokens: count(usage, 'cachedContentTokenCount'),
    audioInputTokens: undefined,
    audioOutputTokens: undefined,
    imageInputTokens: undefined,
  })
}

/** Whether a field is there and says something. */
function has(object: object, name: string): boolean {
  return fieldOf(object, name) !== undefined
}

function fieldOf(object: object, name: string): unknown {
  return ownField(object, name) ?? undefined
}

/** A count, undefined when it is absent, NaN when it is none. */
function count(object: object, name: string): number | undefined {
  const value = fieldOf(object, name)
  if (value === undefined) return undefined
  if (!isCount(value)) return Number.NaN
  return value === 0 ? 0 : value
}

/** A count in an object inside. */
function detail(object: object, outer: string, name: string): number | undefined {
  const value = fieldOf(object, outer)
  if (value === undefined) return undefined
  return typeof value === 'object' && value !== null ? count(value, name) : Number.NaN
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && typeof value === 'number' && value >= 0 && value <= mostTokens
}

/** The usage, with its parts cut to their wholes; undefined when a number in it is none. */
function checked(usage: Usage): Usage | undefined {
  const { inputTokens, outputTokens } = usage
  const { cachedInputTokens, audioInputTokens, audioOutputTokens, imageInputTokens } = usage
  // Sums are looked at once more: each of their terms may be in bounds and they not.
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined
  if (!isCount(cachedInputTokens ?? 0) || !isCount(audioInputTokens ?? 0)) return undefined
  if (!isCount(audioOutputTokens ?? 0) || !isCount(imageInputTokens ?? 0)) return undefined
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: cut(cachedInputTokens, inputTokens),
    audioInputTokens: cut(audioInputTokens, inputTokens),
    audioOutputTokens: cut(audioOutputTokens, outputTokens),
    imageInputTokens: cut(imageInputTokens, inputTokens),
  }
}

function cut(part: number | undefined, whole: number): number | undefined {
  return part === undefined ? undefined : Math.min(part, whole)
}
