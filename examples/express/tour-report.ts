import type { Logger } from '@lazu/express'
import { APIError } from 'openai'
import type { Attempt } from './tour-client.js'

/** Facts to print, by their label. */
export type Facts = Readonly<Record<string, string>>

/** Prints facts one below the other. */
export function print(facts: Facts): void {
  for (const [label, text] of Object.entries(facts)) {
    console.log(`      ${label.padEnd(12)}${text}`)
  }
}

/** What the SDK made of an error. */
export function errorFacts(error: unknown): Facts {
  if (!(error instanceof APIError)) return { threw: String(error) }
  const { status, code, param, type, requestID } = error
  return {
    threw: error.constructor.name,
    message: error.message,
    fields: `status ${status}, code ${code}, param ${param}, type ${type}`,
    'request id': String(requestID),
  }
}

/** What the SDK sent, and how long it waited in between. */
export function attemptFacts(attempts: readonly Attempt[], maxRetries: number): Facts {
  const parts: string[] = []
  let before: Attempt | undefined
  for (const attempt of attempts) {
    if (before !== undefined) {
      const announced =
        before.announcedMs === undefined ? '' : ` (announced: ${seconds(before.announcedMs)})`
      parts.push(`waited ${seconds(attempt.startedMs - before.endedMs)}${announced}`)
    }
    parts.push(String(attempt.status))
    before = attempt
  }
  if (attempts.length === 1 && before !== undefined && before.status >= 400) {
    parts.push(maxRetries === 0 ? 'retries are off' : 'not retried')
  }
  return { answers: parts.join(', ') }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

/** A logger that keeps the last line, which goes with the step that caused it. */
export function createLog(): Logger & { take(): Facts } {
  let last: string | undefined
  const note = (fields: { err?: { message?: string } }, message: string): void => {
    last = `${message}: ${fields.err?.message}`
  }
  return {
    error: note,
    warn: note,
    take() {
      const facts: Facts = last === undefined ? {} : { 'server log': last }
      last = undefined
      return facts
    },
  }
}
