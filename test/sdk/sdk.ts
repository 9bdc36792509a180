import type { IncomingMessage } from 'node:http'
import type { DialectName } from '@lazu/core'
import type { Gateway, KeyName, Server } from './gateways.js'
import type { Row } from './refusals.js'

/** What is asked for. */
export interface Asked {
  readonly key?: KeyName | undefined
  readonly model?: string | undefined
  readonly prompt?: string | undefined
  /** How often the SDK tries again by itself; as often as it likes unless given. */
  readonly maxRetries?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What an error of an SDK says, wherever the SDK has put it. */
export interface Told {
  readonly type: unknown
  readonly code: unknown
  readonly message: unknown
  readonly requestId: unknown
}

/** A way to send a key. */
export interface Carrier {
  readonly name: string
  readonly ask: (gateway: Gateway, key: KeyName) => Promise<string>
  /** The key as it arrived, so that it came this way and no other. */
  readonly keyOf: (request: IncomingMessage) => unknown
}

/** A class of its errors. */
export type ErrorClass = new (...parts: never[]) => Error & { readonly status: unknown }

/** An official SDK. */
export interface Sdk {
  readonly name: string
  /** The servers that speak its protocol. */
  readonly servers: readonly Server[]
  /** How each refusal is told, by dialect. */
  readonly rows: Readonly<Record<string, Readonly<Partial<Record<DialectName, Row>>>>>
  /** The class of its errors for a status, and without one for those inside a stream. */
  errorClass(status?: number): ErrorClass
  told(error: Error): Told
  /** The text of an answer. */
  ask(gateway: Gateway, asked?: Asked): Promise<string>
  /** The texts of a streamed answer. */
  stream(gateway: Gateway, asked?: Asked): AsyncIterable<string>
  /** A whole answer that says "Hello there". */
  readonly answer: object
  /** An event of a stream that carries a text, and all of what makes a stream of them whole. */
  readonly events: {
    readonly first: string
    readonly text: (text: string) => string
    readonly last: string
  }
  /** Whether its errors carry the headers of the response. */
  readonly seesHeaders: boolean
  /** A wait is told to its callers in these, in milliseconds. */
  readonly waitUnitMs: number
  readonly carriers: readonly Carrier[]
}
