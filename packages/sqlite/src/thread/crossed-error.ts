import type { GatewayErrorOptions } from '@lazu/core'
import { GatewayError, KeyConflictError, lazuDialect } from '@lazu/core/stores'
import Database from 'libsql'

/** Causes that cross with an error: as deep as wrapping goes, and an end where they go in a circle. */
const mostCauses = 3

/** An error on its way from one thread to another: plain data. */
export interface CrossedError {
  readonly kind: 'gateway' | 'key-conflict' | 'sqlite' | 'range' | 'type' | 'other'
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of a GatewayError: what it was made of. */
  readonly options?: Omit<GatewayErrorOptions, 'cause'> | undefined
  readonly condition?: GatewayError['condition'] | undefined
  /** SQLite's codes, of an error of the driver. */
  readonly code?: string | undefined
  readonly rawCode?: number | undefined
  readonly cause?: CrossedError | undefined
}

/** Takes an error apart. */
export function takeApart(thrown: unknown, causes: number = mostCauses): CrossedError {
  if (!(thrown instanceof Error)) {
    const message = String(thrown)
    return { kind: 'other', name: 'Error', message, stack: undefined }
  }
  const { name, message, stack } = thrown
  const cause =
    causes === 0 || thrown.cause === undefined ? undefined : takeApart(thrown.cause, causes - 1)
  const common = { name, message, stack, cause }
  if (thrown instanceof KeyConflictError) return { kind: 'key-conflict', ...common }
  if (thrown instanceof GatewayError) {
    const { condition } = thrown
    return { kind: 'gateway', ...common, condition, options: optionsOf(thrown) }
  }
  if (thrown instanceof Database.SqliteError) {
    return { kind: 'sqlite', ...common, code: thrown.code, rawCode: thrown.rawCode }
  }
  if (thrown instanceof RangeError) return { kind: 'range', ...common }
  if (thrown instanceof TypeError) return { kind: 'type', ...common }
  return { kind: 'other', ...common }
}

function optionsOf(error: GatewayError): CrossedError['options'] {
  const { param, details, facts, hints, retryAfterMs, headers, status } = error
  const [usualStatus] = lazuDialect.answers[error.condition]
  return {
    message: error.hasOwnMessage || facts !== undefined ? error.message : undefined,
    param,
    details,
    facts,
    hints,
    retryAfterMs,
    headers,
    status: status === usualStatus ? undefined : status,
  }
}

/** Puts an error together again. It is what it was, `instanceof` included. */
export function putTogether(crossed: CrossedError): Error {
  const cause = crossed.cause === undefined ? undefined : putTogether(crossed.cause)
  const error = errorOf(crossed, cause)
  // Where it was thrown, and not where it came in. A GatewayError has none.
  if (crossed.stack !== undefined) error.stack = crossed.stack
  return error
}

function errorOf(crossed: CrossedError, cause: Error | undefined): Error {
  const { kind, message, name } = crossed
  const options = cause === undefined ? undefined : { cause }
  switch (kind) {
    case 'gateway':
      return new GatewayError(crossed.condition ?? 'internal_error', {
        ...crossed.options,
        ...options,
      })
    case 'key-conflict':
      return new KeyConflictError(message)
    case 'sqlite':
      return new Database.SqliteError(message, crossed.code ?? '', crossed.rawCode)
    case 'range':
      return new RangeError(message, options)
    case 'type':
      return new TypeError(message, options)
    case 'other': {
      const error = new Error(message, options)
      error.name = name
      return error
    }
  }
}
