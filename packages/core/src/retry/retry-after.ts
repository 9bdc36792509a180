import { read } from '../errors/read.js'

/**
 * How long headers ask to wait, in milliseconds: `retry-after-ms`, else `Retry-After` in seconds or
 * as a date (RFC 9110, section 10.2.3). A date that has passed is 0; what is no such value, a
 * negative number included, is undefined.
 *
 * @param headers a Headers object, or a record of Node's or an HTTP client's
 * @param nowMs the wall time, in milliseconds since 1970
 */
export function retryAfterOf(headers: unknown, nowMs: number): number | undefined {
  const ms = amount(headerOf(headers, 'retry-after-ms'))
  if (ms !== undefined) return ms
  const value = headerOf(headers, 'retry-after')
  const seconds = amount(value)
  if (seconds !== undefined) return seconds * 1000
  const dateMs = httpDate(value)
  return dateMs === undefined ? undefined : Math.max(0, dateMs - nowMs)
}

/** A header's value as text, whatever kind of object holds the headers. */
export function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  try {
    const get = read(headers, 'get')
    return headerText(
      typeof get === 'function' ? Reflect.apply(get, headers, [name]) : member(headers, name),
    )
  } catch {
    return undefined
  }
}

function member(headers: object, name: string): unknown {
  for (const key of Object.keys(headers)) {
    if (key.toLowerCase() === name) return read(headers, key)
  }
  return undefined
}

function headerText(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value
  if (typeof first === 'number') return String(first)
  return typeof first === 'string' ? first.trim() : undefined
}

const number = /^\d{1,15}(?:\.\d{0,15})?$/

/** A number that is not negative, and undefined for everything else: "", "-1", "0x10", "soon". */
export function amount(text: string | undefined): number | undefined {
  return text !== undefined && number.test(text) ? Number(text) : undefined
}

const imfFixdate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The form senders must use. `Date.parse` alone takes "try 5" for a day in May 2001. */
function httpDate(text: string | undefined): number | undefined {
  if (text === undefined || !imfFixdate.test(text)) return undefined
  const dateMs = Date.parse(text)
  return Number.isNaN(dateMs) ? undefined : dateMs
}
