import type { Usage } from '@lazu/core'

/** Endpoints that count the tokens of a request, and have no model read or write any. */
const counting = /\/messages\/count_tokens$|\/responses\/input_tokens$|:countTokens$/

/** What it uses to have tokens counted: none. Undefined for every other endpoint. */
export function usageOfCounting(path: string): Usage | undefined {
  return counting.test(path) ? { inputTokens: 0, outputTokens: 0 } : undefined
}
