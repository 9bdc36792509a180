import { validateHeaderName } from 'node:http'
import type { Exchange, Protocol } from '@lazu/core'

/** What of a client's headers an upstream gets to see. */
const passedOn = ['accept', 'anthropic-version', 'anthropic-beta', 'openai-beta'] as const

/** Longest of these that is passed on, in characters. */
const longestValue = 1_000

/** The headers of a request to an upstream, names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>

/** What of a client's headers goes along. */
export function headersOfClient(exchange: Exchange): RequestHeaders {
  const headers: Record<string, string> = {}
  for (const name of passedOn) {
    const value = exchange.header(name)
    if (value !== undefined && value.length <= longestValue && /^[ -~]+$/.test(value)) {
      headers[name] = value
    }
  }
  return headers
}

/** The header in which each protocol carries its key. */
export function keyHeader(protocol: Protocol, key: string): RequestHeaders {
  switch (protocol) {
    case 'anthropic':
      return { 'x-api-key': key }
    case 'gemini':
      return { 'x-goog-api-key': key }
    case 'openai':
      return { authorization: `Bearer ${key}` }
  }
}

/** Headers a channel cannot have of its own: they belong to the connection, or to the body. */
const reserved = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What is wrong with a header of a channel, as the rest of a sentence; undefined: nothing. */
export function problemOfHeader(name: string, value: unknown): string | undefined {
  if (reserved.has(name.toLowerCase())) return 'cannot be set, it belongs to the connection'
  try {
    validateHeaderName(name)
  } catch {
    return 'is no name of a header'
  }
  return isHeaderValue(value) ? undefined : 'has a value that no header can have'
}

/** Whether a value can be sent as a header: text in ASCII, without line breaks. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[ -~]*$/.test(value)
}
