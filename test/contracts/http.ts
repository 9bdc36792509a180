import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import type { RunningApp } from '@lazu/testkit'

/** Thousands of requests are sent; with fetch each of them takes four times as long. */
const agent = new Agent({ keepAlive: true })

/** What to send. */
export interface Sent {
  /** In whatever carrier the test says; `Authorization: Bearer` by `key`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly key?: string | undefined
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown
}

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** A whole answer. */
export interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Sends a request, `POST /v1/messages` for instance, and waits for the whole answer. */
export function send(
  server: Pick<RunningApp, 'url'>,
  target: string,
  { headers, key, body }: Sent = {},
): Promise<Received> {
  const [method = 'GET', path = '/'] = target.split(' ')
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const sent: Record<string, string> = {
    ...(text !== undefined && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
    }),
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest(server.url + path, { method, agent, headers: sent }, (response) => {
      readText(response).then(
        (received) => resolve({ ...headOf(response), text: received }),
        reject,
      )
    })
    request.on('error', reject)
    request.end(text)
  })
}

function headOf({ statusCode = 0, headers }: IncomingMessage): Omit<Received, 'text'> {
  const received = new Headers()
  for (const [name, value] of Object.entries(headers)) received.set(name, String(value))
  return { status: statusCode, headers: received }
}

/** The body of an answer; fails when it is no JSON object. */
export function jsonOf({ text }: Pick<Received, 'text'>): Json {
  return objectIn(JSON.parse(text), text)
}

/** The `error` of an answer's body, whatever the protocol; fails when there is none. */
export function errorOf(answer: Pick<Received, 'text'>): Json {
  return objectIn(jsonOf(answer)['error'], answer.text)
}

/** Whether a client that goes by status and `x-should-retry`, as the official SDKs do, tries again. */
export function isRetried({ status, headers }: Received): boolean {
  const said = headers.get('x-should-retry')
  return said === null ? isRetriedByStatus(status) : said === 'true'
}

/** What a client does that goes by the status alone. */
export function isRetriedByStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

function objectIn(value: unknown, text: string): Json {
  if (!isObject(value)) throw new Error(`there is no error in this: ${text.slice(0, 500)}`)
  return value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
