/** A time as Go writes it, which is how OpenAI's reset headers are written: `12ms`, `1s`, `6m0s`. */
export function goDuration(ms: number): string {
  const whole = Math.ceil(ms)
  if (whole < 1000) return `${whole}ms`
  const seconds = Math.ceil(whole / 1000)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}

/** The moment so many milliseconds from now, in RFC 3339, whole seconds, rounded up. */
export function rfc3339After(ms: number, wallMs: number): string {
  const seconds = Math.ceil((wallMs + ms) / 1000)
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
