import { redact } from './redact.js'

/** What lazu needs of a logger. pino has this shape, so has Fastify's `request.log`. */
export interface Logger {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** An error as logs show it, with everything that looks like a key taken out. */
export interface LoggedError {
  readonly type: string
  readonly message: string
  readonly stack: string | undefined
}

/**
 * What of a thrown thing goes into a log. Only name, message and stack: errors of parsers and API
 * clients carry whole bodies and headers in other members.
 */
export function loggedError(thrown: unknown): LoggedError {
  try {
    if (thrown instanceof Error) {
      return {
        type: thrown.name,
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

/** Writes lines to stderr, for servers that have no logger. */
export const stderrLogger: Logger = {
  error: (fields, message) => write('error', fields, message),
  warn: (fields, message) => write('warn', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const { err, ...rest }: { err?: LoggedError } = fields
  const stack = err?.stack ?? (err === undefined ? undefined : `${err.type}: ${err.message}`)
  const facts = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`)
  const lines = [`lazu ${level}: ${message} ${facts.join(' ')}`.trimEnd()]
  if (stack !== undefined) lines.push(stack)
  process.stderr.write(`${lines.join('\n')}\n`)
}
