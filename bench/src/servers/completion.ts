/** The route of every server here. */
export const route = '/v1/chat/completions'

/** The model the calls ask for. */
export const model = 'gpt-5'

/** What a good call is answered with, by every server the same. */
export interface Completion {
  readonly id: string
  readonly object: 'chat.completion'
  readonly model: unknown
  readonly choices: readonly object[]
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number }
}

/** Answers a parsed body. */
export function complete(body: unknown): Completion {
  const asked =
    typeof body === 'object' && body !== null && 'model' in body ? body.model : undefined
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: asked,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'The answer is in the question.' },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 210, completion_tokens: 8 },
  }
}
