/**
 * A limit that is not there for longer is told as being away for a year. A debt may last for
 * centuries, which neither a Go duration (292 years) nor RFC 3339 (the year 9999) can say.
 */
const longestMs = 365 * 86_400_000

/** Whole seconds, rounded up. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(Math.min(ms, longestMs) / 1000)
}

/** A time as Go writes it, which is how OpenAI's reset headers are written: `12ms`, `1s`, `6m0s`. */
export function goDuration(ms: number): string {
  const whole = Math.ceil(ms)
  if (whole < 1000) return `${whole}ms`
  const seconds = wholeSeconds(ms)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}

/** The moment so many milliseconds from now, in Unix seconds, rounded up. */
export function unixSecondsAfter(ms: number, wallMs: number): number {
  return Math.ceil((wallMs + Math.min(ms, longestMs)) / 1000)
}

/** The moment so many milliseconds from now, in RFC 3339, whole seconds, rounded up. */
export function rfc3339After(ms: number, wallMs: number): string {
  return new Date(unixSecondsAfter(ms, wallMs) * 1000).toISOString().replace('.000Z', 'Z')
}
