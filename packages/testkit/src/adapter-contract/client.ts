import { expect } from 'vitest'
import type { RunningApp } from '../harness.js'

/** What to send. */
export interface AskOptions {
  /** Sent as `Authorization: Bearer`. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text is sent as it is, anything else as JSON; both as application/json unless a header says. */
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The `error` of an envelope. */
export interface ErrorBody {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
  readonly request_id: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** The headers that carry the request id, all of them the same one. */
export const requestIdHeaders: readonly string[] = [
  'x-lazu-request-id',
  'x-request-id',
  'request-id',
]

/** Sends a request, `POST /v1/chat` for instance, and waits for the head of its answer. */
export function open(
  server: RunningApp,
  target: string,
  options: AskOptions = {},
): Promise<Response> {
  const [method = 'GET', path = '/'] = target.split(' ')
  const { key, body, signal } = options
  const headers = new Headers(options.headers)
  if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
  const init: RequestInit = { method, headers }
  if (signal !== undefined) init.signal = signal
  if (body !== undefined) {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    init.body = typeof body === 'string' ? body : JSON.stringify(body)
  }
  return fetch(server.url + path, init)
}

/** Sends a request and waits for the whole answer. */
export async function ask(
  server: RunningApp,
  target: string,
  options: AskOptions = {},
): Promise<Answer> {
  const response = await open(server, target, options)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/**
 * Asks until it is no longer refused with 429, and gives that up in time: what an earlier request gave
 * back may reach a store of limits a moment after its answer reached the client.
 */
export async function askUntilGivenBack(
  server: RunningApp,
  target: string,
  options: AskOptions,
): Promise<Answer> {
  const endMs = performance.now() + 5_000
  for (;;) {
    const answer = await ask(server, target, options)
    if (answer.status !== 429 || performance.now() > endMs) return answer
  }
}

/** The error of an envelope; fails when the text is no envelope, or has members of its own. */
export function errorIn(text: string): ErrorBody {
  const body: unknown = JSON.parse(text)
  if (!isEnvelope(body)) throw new Error(`this is no error envelope: ${text}`)
  const members = ['message', 'type', 'code', 'param', 'request_id']
  if (body.error.details !== undefined) members.push('details')
  expect(Object.keys(body)).toEqual(['error'])
  expect(Object.keys(body.error)).toEqual(members)
  return body.error
}

/** Holds an answer to an error, and to everything that is true of each of them. */
export function expectError(
  answer: Answer,
  status: number,
  code: string,
  param: string | null = null,
): ErrorBody {
  const error = errorIn(answer.text)
  expect({ status: answer.status, code: error.code, param: error.param }).toEqual({
    status,
    code,
    param,
  })
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(error.request_id).toMatch(requestIdForm)
  expect(requestIdsOf(answer.headers)).toEqual(requestIdHeaders.map(() => error.request_id))
  return error
}

/** What a request id looks like: a ULID behind a prefix. */
export const requestIdForm = /^req_lazu_[0-9A-HJKMNP-TV-Z]{26}$/

/** The request ids in an answer's headers. */
export function requestIdsOf(headers: Headers): (string | null)[] {
  return requestIdHeaders.map((name) => headers.get(name))
}

function isEnvelope(value: unknown): value is { readonly error: ErrorBody } {
  const error = isObject(value) ? Reflect.get(value, 'error') : undefined
  if (!isObject(error)) return false
  const param: unknown = Reflect.get(error, 'param')
  return (
    ['message', 'type', 'code', 'request_id'].every(
      (name) => typeof Reflect.get(error, name) === 'string',
    ) &&
    (param === null || typeof param === 'string')
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
