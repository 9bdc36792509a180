import type { ChatRequest } from './chat-schema.js'
import type { CompletionUsage, FinishReason } from './wire.js'

/** The longest answer, in tokens, and the longest there is without `max_tokens`. */
export const longestAnswerTokens = 256

/** What the model says to a request, and what that uses. */
export interface Answer {
  readonly words: readonly string[]
  readonly finishReason: FinishReason
  /** How many times it is said: `n`. */
  readonly choices: number
  readonly usage: CompletionUsage
}

/**
 * The answer to a request: the last thing its user said. A token is a word, which is whatever has
 * no white space in it; the prompt's tokens are those of all messages, the answer's those of all
 * its choices.
 */
export function answerTo(request: ChatRequest): Answer {
  const { messages, max_tokens, max_completion_tokens, n: choices = 1 } = request
  const lastOfUser = messages.findLast(({ role }) => role === 'user')
  const whole = ['You', 'said:', ...wordsOf(lastOfUser?.content)]
  const cap = max_completion_tokens ?? max_tokens ?? longestAnswerTokens
  const words = whole.slice(0, Math.min(cap, longestAnswerTokens))

  let promptTokens = 0
  for (const { content } of messages) promptTokens += wordsOf(content).length
  const completionTokens = words.length * choices
  return {
    words,
    finishReason: words.length < whole.length ? 'length' : 'stop',
    choices,
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  }
}

function wordsOf(content: ChatRequest['messages'][number]['content']): string[] {
  const parts = Array.isArray(content) ? content.map(({ text }) => text ?? '') : [content ?? '']
  return parts.flatMap((part) => part.split(/\s+/)).filter((word) => word !== '')
}
