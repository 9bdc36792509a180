import type { Condition } from './conditions.js'
import { GatewayError } from './gateway-error.js'
import { read, readText } from './read.js'

/**
 * What a validation issue of zod (3 or 4) means to the caller: the first one decides. A missing
 * field, a field of the wrong type and a value out of bounds are told apart.
 */
export function fromZodIssues(issues: readonly unknown[], cause?: unknown): GatewayError {
  const issue = deepest(issues[0])
  const path = paramPath(issue.path)
  const condition = conditionOf(issue.issue)
  const message = readText(issue.issue, 'message') ?? 'Invalid value'
  const keys = read(issue.issue, 'keys')
  const unknownKey = Array.isArray(keys) && typeof keys[0] === 'string' ? keys[0] : undefined
  const param = unknownKey === undefined ? path : paramPath([...issue.path, unknownKey])
  return new GatewayError(condition, {
    message: messageFor(condition, param, message),
    param: param === '' ? undefined : param,
    cause,
  })
}

function messageFor(condition: Condition, param: string, message: string): string {
  if (param === '') return `The request body is not valid: ${message}`
  if (condition === 'parameter_missing') return `Missing required parameter: '${param}'.`
  return `Invalid '${param}': ${message}`
}

interface DeepIssue {
  readonly issue: unknown
  readonly path: readonly unknown[]
}

/** Inside a union the issue of the branch that got furthest into the value. */
function deepest(issue: unknown, depth = 0): DeepIssue {
  const rawPath = read(issue, 'path')
  const path = Array.isArray(rawPath) ? rawPath : []
  const branches = read(issue, 'errors') ?? read(issue, 'unionErrors')
  if (depth > 8 || !Array.isArray(branches)) return { issue, path }
  let best: DeepIssue = { issue, path }
  for (const branch of branches) {
    const issues = Array.isArray(branch) ? branch : read(branch, 'issues')
    if (!Array.isArray(issues) || issues.length === 0) continue
    const inner = deepest(issues[0], depth + 1)
    // zod 4 gives paths from the union on, zod 3 from the root.
    const innerPath = Array.isArray(branch) ? [...path, ...inner.path] : inner.path
    if (innerPath.length > best.path.length) best = { issue: inner.issue, path: innerPath }
  }
  return best
}

function conditionOf(issue: unknown): Condition {
  const code = readText(issue, 'code')
  if (isMissing(issue)) return 'parameter_missing'
  switch (code) {
    case 'too_small':
    case 'too_big':
    case 'not_multiple_of':
    case 'invalid_format':
    case 'invalid_string':
    case 'not_finite':
    case 'custom':
      return 'value_invalid'
    case 'invalid_value':
    case 'invalid_enum_value':
    case 'invalid_literal':
      return allowsTypeOfInput(issue) ? 'value_invalid' : 'parameter_invalid'
    default:
      return 'parameter_invalid'
  }
}

/** zod 4 tells the input when asked to; its messages and zod 3's `received` tell it otherwise. */
function isMissing(issue: unknown): boolean {
  if (typeof issue !== 'object' || issue === null) return false
  if (Object.hasOwn(issue, 'input')) return read(issue, 'input') === undefined
  if (readText(issue, 'received') === 'undefined') return true
  return (
    readText(issue, 'code') === 'invalid_type' &&
    readText(issue, 'message')?.endsWith('received undefined') === true
  )
}

/** Whether the value had the type of one that is allowed, and so is out of bounds, not wrong. */
function allowsTypeOfInput(issue: unknown): boolean {
  const input = read(issue, 'input') ?? read(issue, 'received')
  const values = read(issue, 'values') ?? read(issue, 'options')
  if (input === undefined || !Array.isArray(values)) return true
  return values.some((value) => typeof value === typeof input)
}

/** A path as one would write it in code: `messages[0].role`. */
export function paramPath(path: readonly unknown[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? String(part) : `.${String(part)}`
  }
  return text
}
