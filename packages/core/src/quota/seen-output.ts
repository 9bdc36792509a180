import type { Estimate } from './usage.js'

/** Bytes of a response that are taken for a token: as many as the estimate of the input goes by. */
const bytesPerToken = 3

/** The tokens that so many bytes of a response are taken for, where no usage is told. */
export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

/** What a request has used whose response was seen to have so many tokens, up to its cap. */
export function withSeenOutput(
  { inputTokens, outputTokens }: Estimate,
  seenTokens: number,
): Estimate {
  return { inputTokens, outputTokens: Math.min(outputTokens, seenTokens) }
}
