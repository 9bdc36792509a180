import { ownField, readUsage, type Usage } from '@lazu/core'

/**
 * The usage of an answer of Gemini's, or of one event of a stream. A stream that was not asked for as
 * events is a list of answers, each of which counts all tokens so far: the last one that does so holds.
 */
export function usageOfGemini(answer: unknown): Usage | undefined {
  if (!Array.isArray(answer)) return readUsage(ownField(answer, 'usageMetadata'))
  const last = answer.findLast((part) => readUsage(ownField(part, 'usageMetadata')) !== undefined)
  return readUsage(ownField(last, 'usageMetadata'))
}
