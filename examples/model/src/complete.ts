import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerTo } from './answer.js'
import type { ChatRequest } from './chat-schema.js'
import type { ChatChunk, ChatCompletion, CompletionUsage } from './wire.js'

/** What `lazu-slow` thinks before its first word. */
const thinkingMs = 10_000
/** From one word of a stream to the next. */
const wordMs = 25
/** How many words of a stream `lazu-fails` gets out at most. */
const wordsBeforeFailure = 3

/**
 * Answers in one piece.
 *
 * @param signal aborted when nobody waits any more
 * @throws Error when the model is `lazu-fails`
 */
export async function complete(request: ChatRequest, signal: AbortSignal): Promise<ChatCompletion> {
  const { model } = request
  if (model === 'lazu-slow') await sleep(thinkingMs, undefined, { signal })
  if (model === 'lazu-fails') throw breakdown()
  const { words, finishReason, choices, usage } = answerTo(request)
  return {
    ...newAnswer(model),
    object: 'chat.completion',
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      message: { role: 'assistant', content: words.join(' ') },
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage,
  }
}

/**
 * Answers word by word.
 *
 * @param signal aborted when nobody waits any more
 * @param onUsage told what the answer used when it is complete, whether the caller asked for it or
 * not
 * @throws Error in the middle of the answer when the model is `lazu-fails`
 */
export async function* chatChunks(
  request: ChatRequest,
  signal: AbortSignal,
  onUsage: (usage: CompletionUsage) => void,
): AsyncGenerator<ChatChunk> {
  const { model, stream_options } = request
  if (model === 'lazu-slow') await sleep(thinkingMs, undefined, { signal })
  const { words, finishReason, choices, usage } = answerTo(request)
  const answer = { ...newAnswer(model), object: 'chat.completion.chunk' } as const
  const rest = { logprobs: null, finish_reason: null }

  const said = model === 'lazu-fails' ? words.slice(0, wordsBeforeFailure) : words
  for (const [position, word] of said.entries()) {
    if (position > 0) await sleep(wordMs, undefined, { signal })
    const delta =
      position === 0 ? { role: 'assistant' as const, content: word } : { content: ` ${word}` }
    for (let index = 0; index < choices; index++) {
      yield { ...answer, choices: [{ index, delta, ...rest }] }
    }
  }
  if (model === 'lazu-fails') throw breakdown()
  onUsage(usage)
  for (let index = 0; index < choices; index++) {
    yield {
      ...answer,
      choices: [{ index, delta: {}, logprobs: null, finish_reason: finishReason }],
    }
  }
  if (stream_options?.include_usage === true) yield { ...answer, choices: [], usage }
}

function newAnswer(model: string): { id: string; created: number; model: string } {
  return { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model }
}

/** Whatever its message says, the caller is not to read it. */
function breakdown(): Error {
  return new Error('lazu-fails broke down, as it always does')
}
