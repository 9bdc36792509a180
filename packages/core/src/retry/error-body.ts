import { read, readText } from '../errors/read.js'
import { amount } from './retry-after.js'

/** Longest JSON text that is looked into, in characters. An error's body is far shorter. */
const textLength = 65_536
/** Longest list of Gemini's details that is looked through. */
const detailsLength = 20

/** What an error's body says about trying again. */
export interface BodyAdvice {
  /** The gateway's code in lower case, with `_` for what Gemini's reasons cannot hold. */
  readonly code: string | undefined
  /** The `retryable` of a hint. */
  readonly retryable: unknown
  /** The upstream's own status, from `details.status_code`, in Gemini's protocol its metadata. */
  readonly upstreamStatus: unknown
  readonly waitMs: number | undefined
}

/**
 * Reads the body of an error of any of the protocols: the whole of it, its `error` member alone, or
 * the JSON text of either.
 */
export function readBodyAdvice(body: unknown): BodyAdvice {
  const value = typeof body === 'string' ? parsed(body) : body
  const inner = read(value, 'error')
  const error = typeof inner === 'object' && inner !== null ? inner : value
  const details = read(error, 'details')
  const listed = Array.isArray(details) ? details.slice(0, detailsLength) : []
  return {
    code: codeOf(error, details, listed),
    retryable: read(error, 'retryable'),
    upstreamStatus: read(details, 'status_code') ?? amount(metadataOf(listed, 'status_code')),
    waitMs: waitOf(error, listed),
  }
}

function parsed(text: string): unknown {
  if (text.length > textLength || !text.startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Anthropic's `details.error_code`, Gemini's `reason`, OpenAI's `code`: where each has its code. */
function codeOf(error: unknown, details: unknown, listed: readonly unknown[]): string | undefined {
  const code =
    readText(details, 'error_code') ?? firstText(listed, 'reason') ?? readText(error, 'code')
  if (code === undefined || code.length > 100) return undefined
  return code.toLowerCase().replaceAll(':', '_')
}

/** Gemini's `retryDelay`, a duration such as "1.5s", or a hint's `retry_after` in seconds. */
function waitOf(error: unknown, listed: readonly unknown[]): number | undefined {
  const duration = firstText(listed, 'retryDelay')
  if (duration?.endsWith('s') === true) {
    const seconds = amount(duration.slice(0, -1))
    return seconds === undefined ? undefined : seconds * 1000
  }
  const seconds = read(error, 'retry_after')
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : undefined
}

/** What an ErrorInfo says in its metadata, where every value is text. */
function metadataOf(listed: readonly unknown[], name: string): string | undefined {
  for (const entry of listed) {
    const text = readText(read(entry, 'metadata'), name)
    if (text !== undefined) return text
  }
  return undefined
}

function firstText(listed: readonly unknown[], name: string): string | undefined {
  for (const entry of listed) {
    const text = readText(entry, name)
    if (text !== undefined) return text
  }
  return undefined
}
