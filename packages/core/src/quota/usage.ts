/** What a request used, in tokens by kind. Every number is a whole one, 0 or more. */
export interface Usage {
  /** Tokens read, cached ones included. */
  readonly inputTokens: number
  /** Tokens written, reasoning included. */
  readonly outputTokens: number
  /** Those of `inputTokens` that came from a cache. */
  readonly cachedInputTokens?: number | undefined
  /** Those of `inputTokens` that were written to a cache, but for those below. */
  readonly cacheWriteInputTokens?: number | undefined
  /** Those of `inputTokens` that were written to a cache for an hour, Anthropic's `ttl: '1h'`. */
  readonly longCacheWriteInputTokens?: number | undefined
  /** Those of `inputTokens` that were audio. */
  readonly audioInputTokens?: number | undefined
  /** Those of `outputTokens` that were audio. */
  readonly audioOutputTokens?: number | undefined
  /** Those of `inputTokens` that were images. */
  readonly imageInputTokens?: number | undefined
  /** Those of `outputTokens` that were images. */
  readonly imageOutputTokens?: number | undefined
}

/** A usage that leaves no member out, so that none is forgotten where one is made. */
export type WholeUsage = { readonly [Name in keyof Required<Usage>]: Usage[Name] }

/** What a request may use at most, as far as its body tells. */
export interface Estimate {
  readonly inputTokens: number
  /** The output of all choices together. */
  readonly outputTokens: number
}

/** What a handler says its request cost: the usage, or the amount itself in micro-USD. */
export type Charge = Usage | { readonly micros: number }
