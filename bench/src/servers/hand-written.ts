// What somebody writes by hand who has this one server and these few keys: the same steps as the
// preset in their shortest form. The key is looked up as it came, and nothing can be set.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Completion } from './completion.js'
import { key, perMinute, timeoutMs } from './told.js'

const perMs = perMinute / 60_000
const reserveMicros = 50_000
const allowed = new Set(['127.0.0.1', '10.0.0.1'])
const callers = new Map([
  [key, { tokens: perMinute, filledMs: 0, inFlight: 0, balanceMicros: 1_000_000_000_000 }],
])
type Caller = NonNullable<ReturnType<typeof callers.get>>

/** Whether a request may go on; answered when it may not. */
export function admit({ headers, socket }: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader('x-request-id', randomUUID())
  const caller = callerOf(headers.authorization)
  if (caller === undefined) return refuse(response, 401, 'invalid_api_key')
  if (!allowed.has(socket.remoteAddress ?? '')) return refuse(response, 403, 'ip_not_allowed')
  const waitMs = take(caller, performance.now())
  const resetMs = (perMinute - caller.tokens) / perMs
  response.setHeader('x-ratelimit-limit-requests', perMinute)
  response.setHeader('x-ratelimit-remaining-requests', Math.floor(caller.tokens))
  response.setHeader('x-ratelimit-reset-requests', `${Math.ceil(resetMs)}ms`)
  if (waitMs > 0) {
    response.setHeader('retry-after', Math.ceil(waitMs / 1000))
    return refuse(response, 429, 'rate_limit_exceeded')
  }
  if (caller.inFlight >= 1_000) return refuse(response, 429, 'concurrency_limit_exceeded')
  if (caller.balanceMicros < reserveMicros) return refuse(response, 403, 'insufficient_quota')
  begin(caller, response)
  return true
}

/** Charges a request, when it has run. */
export function charge({ headers }: IncomingMessage, usage: Completion['usage']): void {
  const caller = callerOf(headers.authorization)
  if (caller === undefined) return
  caller.balanceMicros -= Math.ceil(usage.prompt_tokens * 1.25 + usage.completion_tokens * 10)
}

function callerOf(authorization: string | undefined): Caller | undefined {
  if (authorization?.startsWith('Bearer ') !== true) return undefined
  return callers.get(authorization.slice(7))
}

/** Takes a token; the wait in milliseconds when there is none. */
function take(caller: Caller, nowMs: number): number {
  const tokens = Math.min(perMinute, caller.tokens + (nowMs - caller.filledMs) * perMs)
  caller.filledMs = nowMs
  caller.tokens = tokens >= 1 ? tokens - 1 : tokens
  return tokens >= 1 ? 0 : (1 - tokens) / perMs
}

/** Holds money and a place, until the response is over, and gives the handler so much time. */
function begin(caller: Caller, response: ServerResponse): void {
  caller.inFlight++
  caller.balanceMicros -= reserveMicros
  const timeout = setTimeout(() => refuse(response, 504, 'timeout'), timeoutMs)
  response.once('close', () => {
    clearTimeout(timeout)
    caller.inFlight--
    caller.balanceMicros += reserveMicros
  })
}

function refuse(response: ServerResponse, status: number, code: string): false {
  if (response.headersSent) return false
  const body = `{"error":{"message":"Refused.","type":"error","code":"${code}","param":null}}`
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
  return false
}
