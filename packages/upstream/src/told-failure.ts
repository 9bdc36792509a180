import { fromUpstreamStatus, ownField, type Dialect, type GatewayError } from '@lazu/core'
import type { StreamEvent } from './event-stream/stream-kind.js'

/** The statuses of what APIs call their errors in a stream that has begun. */
const statusByName: ReadonlyMap<unknown, number> = new Map([
  // Anthropic's types, some of them OpenAI's, too.
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
  // OpenAI's types and codes.
  ['invalid_prompt', 400],
  ['insufficient_quota', 429],
  ['rate_limit_exceeded', 429],
  ['server_error', 500],
  ['server_is_overloaded', 503],
  ['slow_down', 503],
  // Those of google.rpc.Code.
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['RESOURCE_EXHAUSTED', 429],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
])

/**
 * What an error means that an upstream told after it had answered 200: in an event of its stream, or
 * in its JSON. It goes by the status the error has or stands for, and is 500 when it names none. Its
 * texts never go along.
 *
 * @param told the object of the error
 */
export function toldFailure(told: unknown, dialect: Dialect): GatewayError {
  const status = statusOf(told)
  const cause = new Error(`an error told inside a 200 answer, as good as a status ${status}`)
  return fromUpstreamStatus(status, cause, dialect)
}

function statusOf(told: unknown): number {
  const values = ['code', 'status', 'status_code', 'type'].map((name) => ownField(told, name))
  for (const value of values) {
    const status = typeof value === 'string' ? Number(value) : value
    if (isErrorStatus(status)) return status
  }
  for (const value of values) {
    const status = statusByName.get(value)
    if (status !== undefined) return status
  }
  return 500
}

function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599
}

/**
 * The failure that an event of a stream tells, in any of the forms there are: `event: error`, a member
 * `error`, or the type `error`.
 */
export function errorEvent(
  { name, data }: StreamEvent,
  dialect: Dialect,
): GatewayError | undefined {
  const error = ownField(data, 'error')
  if (tellsOf(error)) return toldFailure(error, dialect)
  const isError = [name, ownField(data, 'type'), ownField(data, 'object')].includes('error')
  return isError ? toldFailure(data, dialect) : undefined
}

/** Whether a member `error` tells of one: some servers write null, false, 0 or no text where there is none. */
function tellsOf(error: unknown): boolean {
  return typeof error === 'string' ? error !== '' : typeof error === 'object' && error !== null
}

/**
 * The failure that a whole answer in JSON tells although its status was 200. Objects that hold the error
 * of something else, as a response or a job that has failed does, have an id of their own.
 */
export function errorAnswer(answer: unknown, dialect: Dialect): GatewayError | undefined {
  const parts: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  for (const part of parts) {
    if (typeof part !== 'object' || part === null || Object.hasOwn(part, 'id')) continue
    const failure = errorEvent({ name: undefined, data: part }, dialect)
    if (failure !== undefined) return failure
  }
  return undefined
}
