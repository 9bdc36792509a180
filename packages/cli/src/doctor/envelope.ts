import { routeNotFound } from '@lazu/core'
import type { Answer } from './probe.js'
import { parseRoute, probePath } from './probe-plan.js'

/** An error as lazu answers it, in any of its dialects and protocols. */
export interface Envelope {
  readonly message: string
}

/** Reads the envelope of an answer; undefined when it is none of lazu's. */
export function envelopeOf({ headers, body }: Answer): Envelope | undefined {
  if (headers['x-request-id'] === undefined) return undefined
  const message = member(member(parsed(body), 'error'), 'message')
  return typeof message === 'string' ? { message } : undefined
}

/** Whether an answer to a probe of this route says that there is no such route. */
export function isNoRoute(answer: Answer, name: string): boolean {
  const route = parseRoute(name)
  if (route === undefined) return false
  return envelopeOf(answer)?.message === routeNotFound(route.method, probePath(route)).message
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
