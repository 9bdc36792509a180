/** What a call used, as OpenAI reports it. */
export interface CompletionUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

/** Why an answer ended: it was whole, or `max_tokens` was reached. */
export type FinishReason = 'stop' | 'length'

/** A whole answer: OpenAI's `chat.completion`. */
export interface ChatCompletion {
  readonly id: string
  readonly object: 'chat.completion'
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly message: { readonly role: 'assistant'; readonly content: string }
    readonly logprobs: null
    readonly finish_reason: FinishReason
  }[]
  readonly usage: CompletionUsage
}

/** A piece of an answer: OpenAI's `chat.completion.chunk`. */
export interface ChatChunk {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly delta: { readonly role?: 'assistant'; readonly content?: string }
    readonly logprobs: null
    readonly finish_reason: FinishReason | null
  }[]
  /** Only in the last chunk, and only when the caller asked for it. */
  readonly usage?: CompletionUsage
}
