// Each matches in one pass over the text, without backtracking: one class, repeated, to its end.
const keyLike = /\b(?:sk|ck|pk|rk|key)[-_][A-Za-z0-9_-]{12,}/g
const urlCredentials = /:\/\/[^\s/@]*@/g
const bearer = /\bBearer +[!-~]+/gi

/** Text for a log or a message, without what looks like an API key, a bearer token or a URL's password. */
export function redact(text: string): string {
  return text
    .replaceAll(urlCredentials, '://[redacted]@')
    .replaceAll(bearer, 'Bearer [redacted]')
    .replaceAll(keyLike, '[redacted]')
}
