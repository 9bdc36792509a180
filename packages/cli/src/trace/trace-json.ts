import type { Movement } from '@lazu/core'
import { keyJson } from '../show/key-record.js'
import { moneyJson } from '../show/money.js'
import type { Trace } from './find-trace.js'

/** A trace for programs; what is not known is null. */
export function traceJson({ request, key, movements }: Trace): Record<string, unknown> {
  return {
    request: request ?? null,
    key: key === undefined ? null : keyJson(key),
    movements: movements.map(movementJson),
  }
}

function movementJson(movement: Movement): Record<string, unknown> {
  return { ...movement, amount: moneyJson(movement.amount) }
}
