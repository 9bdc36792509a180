import { ownField } from './own-field.js'
import type { Usage, WholeUsage } from './usage.js'

/** More tokens than any request has. */
export const mostTokens = 1_000_000_000

/**
 * Reads a usage object as providers report it: ours (`inputTokens`), OpenAI's of chat completions
 * and embeddings (`prompt_tokens`), OpenAI's of responses, images and speech and Anthropic's
 * (`input_tokens`), and Gemini's (`promptTokenCount`). Fields it does not know are nothing to it.
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
    cacheWriteInputTokens: count(usage, 'cacheWriteInputTokens'),
    longCacheWriteInputTokens: count(usage, 'longCacheWriteInputTokens'),
    audioInputTokens: count(usage, 'audioInputTokens'),
    audioOutputTokens: count(usage, 'audioOutputTokens'),
    imageInputTokens: count(usage, 'imageInputTokens'),
    imageOutputTokens: count(usage, 'imageOutputTokens'),
  })
}

/**
 * OpenAI: chat completions, completions, embeddings. Some servers that speak its protocol, xAI's for
 * one, count reasoning beside what was completed and not inside it: the total tells.
 */
function readPromptTokens(usage: object): Usage | undefined {
  const inputTokens = count(usage, 'prompt_tokens') ?? 0
  const completed = count(usage, 'completion_tokens') ?? 0
  const reasoning = detail(usage, 'completion_tokens_details', 'reasoning_tokens') ?? 0
  const isBeside = count(usage, 'total_tokens') === inputTokens + completed + reasoning
  return checked({
    inputTokens,
    outputTokens: isBeside ? completed + reasoning : completed,
    cachedInputTokens: detail(usage, 'prompt_tokens_details', 'cached_tokens'),
    cacheWriteInputTokens: detail(usage, 'prompt_tokens_details', 'cache_write_tokens'),
    audioInputTokens: detail(usage, 'prompt_tokens_details', 'audio_tokens'),
    audioOutputTokens: detail(usage, 'completion_tokens_details', 'audio_tokens'),
    imageInputTokens: detail(usage, 'prompt_tokens_details', 'image_tokens'),
    imageOutputTokens: detail(usage, 'completion_tokens_details', 'image_tokens'),
  })
}

/**
 * OpenAI's responses, images and speech count what came from a cache or went to one inside
 * `input_tokens`; Anthropic counts it beside them, in fields of their own, and tells once more which of
 * the written tokens are kept for an hour.
 */
function readInputTokens(usage: object): Usage | undefined {
  const cacheRead = count(usage, 'cache_read_input_tokens')
  const cacheWritten = count(usage, 'cache_creation_input_tokens')
  const longWritten = detail(usage, 'cache_creation', 'ephemeral_1h_input_tokens')
  return checked({
    inputTokens: (count(usage, 'input_tokens') ?? 0) + (cacheRead ?? 0) + (cacheWritten ?? 0),
    outputTokens: count(usage, 'output_tokens') ?? 0,
    cachedInputTokens: cacheRead ?? inputDetail(usage, 'cached_tokens'),
    cacheWriteInputTokens:
      cacheWritten === undefined
        ? inputDetail(usage, 'cache_write_tokens')
        : cacheWritten - Math.min(longWritten ?? 0, cacheWritten),
    longCacheWriteInputTokens: cut(longWritten, cacheWritten ?? 0),
    audioInputTokens: inputDetail(usage, 'audio_tokens'),
    audioOutputTokens: outputDetail(usage, 'audio_tokens'),
    imageInputTokens: inputDetail(usage, 'image_tokens'),
    imageOutputTokens: outputDetail(usage, 'image_tokens'),
  })
}

/** Transcriptions spell it in a way of their own. */
function inputDetail(usage: object, name: string): number | undefined {
  return detail(usage, 'input_tokens_details', name) ?? detail(usage, 'input_token_details', name)
}

function outputDetail(usage: object, name: string): number | undefined {
  return detail(usage, 'output_tokens_details', name) ?? detail(usage, 'output_token_details', name)
}

/**
 * Gemini counts thoughts beside the candidates, what its tools gave the model beside the prompt, and
 * what was cached inside the prompt.
 */
function readGemini(usage: object): Usage | undefined {
  const prompt = count(usage, 'promptTokenCount') ?? 0
  const toolUse = count(usage, 'toolUsePromptTokenCount') ?? 0
  const candidates = count(usage, 'candidatesTokenCount') ?? 0
  const thoughts = count(usage, 'thoughtsTokenCount') ?? 0
  return checked({
    inputTokens: prompt + toolUse,
    outputTokens: candidates + thoughts,
    cachedInputTokens: count(usage, 'cachedContentTokenCount'),
    audioInputTokens: ofModality(usage, 'promptTokensDetails', 'AUDIO'),
    audioOutputTokens: ofModality(usage, 'candidatesTokensDetails', 'AUDIO'),
    imageInputTokens: ofModality(usage, 'promptTokensDetails', 'IMAGE'),
    imageOutputTokens: ofModality(usage, 'candidatesTokensDetails', 'IMAGE'),
  })
}

/** The tokens of one kind in a list of Gemini's; undefined when the list has none of the kind. */
function ofModality(usage: object, list: string, modality: string): number | undefined {
  const details = fieldOf(usage, list)
  if (details === undefined) return undefined
  if (!Array.isArray(details)) return Number.NaN
  const entries: readonly unknown[] = details
  let sum: number | undefined
  for (const entry of entries) {
    if (typeof entry !== 'object' || entry === null) return Number.NaN
    if (fieldOf(entry, 'modality') === modality)
      sum = (sum ?? 0) + (count(entry, 'tokenCount') ?? 0)
  }
  return sum
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
function checked(usage: Usage): WholeUsage | undefined {
  const { inputTokens, outputTokens } = usage
  // Sums are looked at once more: each of their terms may be in bounds and they not.
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined
  const { audioInputTokens, imageInputTokens, cachedInputTokens, cacheWriteInputTokens } = usage
  const { longCacheWriteInputTokens, audioOutputTokens, imageOutputTokens } = usage
  if (!isPart(audioInputTokens) || !isPart(imageInputTokens)) return undefined
  if (!isPart(cachedInputTokens) || !isPart(cacheWriteInputTokens)) return undefined
  if (!isPart(longCacheWriteInputTokens)) return undefined
  if (!isPart(audioOutputTokens) || !isPart(imageOutputTokens)) return undefined
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: cut(cachedInputTokens, inputTokens),
    cacheWriteInputTokens: cut(cacheWriteInputTokens, inputTokens),
    longCacheWriteInputTokens: cut(longCacheWriteInputTokens, inputTokens),
    audioInputTokens: cut(audioInputTokens, inputTokens),
    imageInputTokens: cut(imageInputTokens, inputTokens),
    audioOutputTokens: cut(audioOutputTokens, outputTokens),
    imageOutputTokens: cut(imageOutputTokens, outputTokens),
  }
}

function isPart(part: number | undefined): boolean {
  return part === undefined || isCount(part)
}

function cut(part: number | undefined, whole: number): number | undefined {
  return part === undefined ? undefined : Math.min(part, whole)
}
