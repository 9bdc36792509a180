import type { FormatContext } from './format.js'
import type { GatewayError } from './gateway-error.js'

/**
 * What people read: the thrower's own words, the dialect's, or the condition's, in this order. The
 * dialect's are a template, used only when all the facts it mentions are known.
 */
export function messageOf(
  error: GatewayError,
  context: FormatContext,
  waitMs: number | undefined,
): string {
  if (error.hasOwnMessage) return error.message
  const template = context.dialect.messages[error.condition]
  if (template === undefined) return error.message
  const facts: Facts = {
    retry_after: waitMs === undefined ? undefined : retryAfterSeconds(waitMs),
    model: context.model,
    ...error.details,
    ...error.facts,
  }
  return fill(template, facts) ?? error.message
}

/** Whole seconds, rounded up, so that whoever waits as told is let in; at least 1. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000))
}

/** A fact may be a stranger's text, of any length; a message is cut at about as many characters. */
const longestFact = 1_000

type Facts = Readonly<Record<string, string | number | boolean | undefined>>

/** Puts facts in the places of `{name}` and `{name:2}`; undefined when one is not there. */
function fill(template: string, facts: Facts): string | undefined {
  let filled = ''
  let rest = template
  for (;;) {
    const open = rest.indexOf('{')
    if (open === -1) return filled + rest
    const close = rest.indexOf('}', open)
    if (close === -1) return undefined
    const [name = '', decimals] = rest.slice(open + 1, close).split(':')
    const value = Object.hasOwn(facts, name) ? facts[name] : undefined
    if (value === undefined) return undefined
    const text =
      decimals !== undefined && typeof value === 'number'
        ? value.toFixed(Number(decimals))
        : String(value).slice(0, longestFact)
    filled += rest.slice(0, open) + text
    rest = rest.slice(close + 1)
  }
}
