import type { z } from 'zod'
import { ConfigurationError } from './configuration-error.js'

/**
 * Checks options once, when something is built.
 *
 * @param path what the options are called where the user wrote them: `lazu()`, `limits`
 * @throws ConfigurationError for the first mistake, unknown options included
 */
export function checkOptions<T>(schema: z.ZodType<T>, options: unknown, path: string): T {
  const result = schema.safeParse(options, { reportInput: true })
  if (result.success) return result.data
  throw mistake(result.error.issues, path, options)
}

type Issue = z.core.$ZodIssue

function mistake(issues: readonly Issue[], path: string, options: unknown): ConfigurationError {
  const issue = innermost(issues)
  if (issue === undefined) {
    return new ConfigurationError(
      'LAZU_CONFIG_INVALID_OPTION',
      path,
      'is not valid',
      'Look at its type.',
    )
  }
  const at = path + issue.path.map(pathPart).join('')
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys[0] ?? ''
    return new ConfigurationError(
      'LAZU_CONFIG_UNKNOWN_OPTION',
      at + pathPart(unknown),
      'is not an option',
      'Look for a typing mistake, or take it out.',
    )
  }
  if (issue.input === undefined && at !== path) {
    return new ConfigurationError(
      'LAZU_CONFIG_MISSING_OPTION',
      at,
      'is missing',
      `${sentence(issue.message)}.`,
    )
  }
  return new ConfigurationError(
    'LAZU_CONFIG_INVALID_OPTION',
    at,
    `is ${show(issue.path.length === 0 ? options : issue.input)}`,
    `${sentence(issue.message)}.`,
  )
}

/** A step into an option as one writes it in code: `.limits`, `[0]`, `["gpt-4.1"]`. */
function pathPart(part: PropertyKey): string {
  if (typeof part === 'number') return `[${part}]`
  const name = String(part)
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}

/** The issue to tell: the first, and inside a union the one of the branch that got furthest. */
function innermost(issues: readonly Issue[]): Issue | undefined {
  const issue = issues[0]
  if (issue?.code !== 'invalid_union' || issue.errors.length === 0) return issue
  let best: Issue | undefined
  for (const branch of issue.errors) {
    const inner = innermost(branch)
    if (inner !== undefined && (best === undefined || inner.path.length > best.path.length)) {
      best = inner
    }
  }
  if (best === undefined || best.path.length === 0) {
    // No branch came further than the value itself: what counts is that it fits none of them.
    return best?.code === 'unrecognized_keys' ? { ...best, path: issue.path } : issue
  }
  return { ...best, path: [...issue.path, ...best.path] }
}

function sentence(message: string): string {
  return message.endsWith('.') ? message.slice(0, -1) : message
}

/** A value as a person would write it, short. Text is quoted, objects are only named. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
