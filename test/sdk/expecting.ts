import { expect } from 'vitest'
import { forms, type Gateway } from './gateways.js'
import { messages } from './refusals.js'
import type { Told } from './sdk.js'

/** How a refusal is told. */
interface Expected {
  readonly what: string
  readonly type: string | undefined
  readonly code: string | undefined
}

/** An error says what it must, in the dialect's own words where it has any. */
export function expectTold(gateway: Gateway, told: Told, { what, ...expected }: Expected): void {
  expect(told).toMatchObject(expected)
  expect(told.message).toMatch(/^[A-Z].{5,}/)
  const promised = messages[gateway.server.dialect]?.[what]
  expect(told.message).toBe(promised ?? told.message)
  expectRequestId(gateway, told.requestId)
}

/** The id is the one the response carries, in the dialect's form and in its header. */
export function expectRequestId(gateway: Gateway, requestId: unknown): void {
  const { id, idHeader } = forms[gateway.server.dialect]
  expect(requestId).toMatch(id)
  expect(gateway.responseHeader(idHeader)).toBe(requestId)
}

/** What a call threw. */
export async function thrownBy(call: Promise<unknown>): Promise<Error> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new Error(`not an Error: ${String(error)}`)
  return error
}
