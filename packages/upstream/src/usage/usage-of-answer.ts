import type { Protocol, Usage } from '@lazu/core'
import { usageOfMessage } from './anthropic.js'
import { usageOfCounting } from './counting.js'
import { usageOfGemini } from './gemini.js'
import { usageOfOpenaiAnswer } from './openai.js'

/**
 * The usage that a whole answer in JSON reports; undefined when it reports none that can be read, and
 * when it is about something that was made by another request. None is used to count tokens.
 *
 * @param path of the request
 * @param answer parsed
 */
export function usageOfAnswer(
  protocol: Protocol,
  path: string,
  answer: unknown,
): Usage | undefined {
  const ofCounting = usageOfCounting(path)
  if (ofCounting !== undefined) return ofCounting
  switch (protocol) {
    case 'openai':
      return usageOfOpenaiAnswer(path, answer)
    case 'anthropic':
      return usageOfMessage(answer)
    case 'gemini':
      return usageOfGemini(answer)
  }
}
