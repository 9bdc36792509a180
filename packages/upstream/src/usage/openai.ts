import { ownField, readUsage, type Usage } from '@lazu/core'

/** Answers about a completion or a response that was made, and charged for, by another request. */
const madeBefore = /\/(?:chat\/completions|responses)\/(?!compact$)./

/** The usage of a whole answer of OpenAI's: completions, responses, embeddings, images, audio. */
export function usageOfOpenaiAnswer(path: string, answer: unknown): Usage | undefined {
  return madeBefore.test(path) ? undefined : usageOfResponse(answer)
}

/** The usage inside a response, or any other object that has one. */
export function usageOfResponse(response: unknown): Usage | undefined {
  return readUsage(ownField(response, 'usage'))
}
