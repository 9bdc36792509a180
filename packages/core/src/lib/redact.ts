// Both match in one pass over the text, without backtracking: one class, repeated, to its end.
const keyLike = /\b(?:sk|ck|pk|rk|key)[-_][A-Za-z0-9_-]{12,}/g
const bearer = /\bBearer +[!-~]+/gi

/** Text for a log or a message: whatever looks like an API key or a bearer token is taken out. */
export function redact(text: string): string {
  return text.replaceAll(bearer, 'Bearer [redacted]').replaceAll(keyLike, '[redacted]')
}
