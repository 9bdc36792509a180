import type { Condition } from '../errors/conditions.js'
import { GatewayError } from '../errors/gateway-error.js'
import { redact } from './redact.js'

/** What lazu needs of a logger. pino has this shape, so has Fastify's `request.log`. */
export interface Logger {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** An error as logs show it, with everything that looks like a key taken out. */
export interface LoggedError {
  readonly type: string
  /** Of a GatewayError. */
  readonly condition?: Condition
  readonly message: string
  readonly stack: string | undefined
  /** What led to it. */
  readonly cause?: LoggedError
}

/** Causes shown of one error: as deep as wrapping goes, and an end where they go in a circle. */
const mostCauses = 3

/**
 * What of a thrown thing goes into a log. Only name, message and stack, and the same of up to three
 * causes: errors of parsers and API clients carry whole bodies and headers in other members.
 */
export function loggedError(thrown: unknown): LoggedError {
  return logged(thrown, mostCauses)
}

function logged(thrown: unknown, causes: number): LoggedError {
  const error = withoutCause(thrown)
  const cause = causes === 0 ? undefined : causeOf(thrown)
  return cause === undefined ? error : { ...error, cause: logged(cause, causes - 1) }
}

function withoutCause(thrown: unknown): LoggedError {
  try {
    if (thrown instanceof Error) {
      return {
        type: thrown.name,
        ...(GatewayError.is(thrown) ? { condition: thrown.condition } : undefined),
        message: redact(thrown.message),
        stack: thrown.stack === undefined ? undefined : redact(thrown.stack),
      }
    }
    return {
      type: typeof thrown,
      message: redact(String(thrown).slice(0, 1_000)),
      stack: undefined,
    }
  } catch {
    return { type: typeof thrown, message: 'a thing that cannot be shown', stack: undefined }
  }
}

function causeOf(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? (thrown.cause ?? undefined) : undefined
  } catch {
    return undefined
  }
}

/** Writes lines to stderr, for servers that have no logger. */
export const stderrLogger: Logger = {
  error: (fields, message) => write('error', fields, message),
  warn: (fields, message) => write('warn', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const { err, ...rest }: { err?: LoggedError } = fields
  const facts = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`)
  const lines = [`lazu ${level}: ${message} ${facts.join(' ')}`.trimEnd()]
  if (err !== undefined) lines.push(shown(err))
  process.stderr.write(`${lines.join('\n')}\n`)
}

function shown({ type, condition, message, stack, cause }: LoggedError): string {
  // A GatewayError's stack is empty.
  const text =
    condition === undefined ? (stack ?? `${type}: ${message}`) : `${type} ${condition}: ${message}`
  return cause === undefined ? text : `${text}\ncaused by ${shown(cause)}`
}
