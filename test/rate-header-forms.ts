import { parseList } from 'structured-headers'
import { expect } from 'vitest'
import type { Received } from './contracts/http.js'

/** Half a second past a whole one, so that what is rounded wrongly shows. */
export const startMs = Date.UTC(2026, 0, 15, 12) + 500

/** The headers that tell of limits, but for Retry-After. */
export function rateHeaders({ headers }: Pick<Received, 'headers'>): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.includes('ratelimit')))
}

/** A list of strings with integer parameters; fails when the field is anything else. */
function listIn(field: string | null): [string, Record<string, number>][] {
  return parseList(field ?? '').map(([value, parameters]) => {
    if (typeof value !== 'string') throw new Error(`no string in ${field}`)
    const numbers = [...parameters].map(([name, number]): [string, number] => {
      if (!Number.isInteger(number)) throw new Error(`${name} is no integer in ${field}`)
      return [name, Number(number)]
    })
    return [value, Object.fromEntries(numbers)]
  })
}

/** What RateLimit-Policy says. */
export function policiesOf({
  headers,
}: Pick<Received, 'headers'>): [string, Record<string, number>][] {
  return listIn(headers.get('ratelimit-policy'))
}

/** What RateLimit says. */
export function leftOf({ headers }: Pick<Received, 'headers'>): [string, Record<string, number>][] {
  return listIn(headers.get('ratelimit'))
}

const unitsInNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** Milliseconds, as Go's time.ParseDuration reads them. */
export function goDurationMs(text: string | null): number {
  const parts = [...(text ?? '').matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy)]
  const read = parts.map(([part]) => part).join('')
  if (read === '' || read !== text) throw new Error(`no duration of Go: ${text}`)
  let ns = 0
  for (const [, number, unit = ''] of parts) ns += Number(number) * (unitsInNs[unit] ?? NaN)
  if (!(ns < 2 ** 63)) throw new Error(`overflows a duration of Go: ${text}`)
  return ns / 1e6
}

/** Milliseconds since 1970, of a time in the form of RFC 3339, section 5.6. */
export function rfc3339Ms(text: string | null): number {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/
  if (text === null || !form.test(text)) throw new Error(`not RFC 3339: ${text}`)
  return Date.parse(text)
}

/** A time that was rounded up to whole seconds: never before the true one, and less than 1 s later. */
export function expectRoundedUp(ms: number, trueMs: number): void {
  expect(ms).toBeGreaterThanOrEqual(trueMs - 0.001)
  expect(ms).toBeLessThan(trueMs + 1_000)
}
