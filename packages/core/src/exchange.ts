import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dialect } from './dialects/dialect.js'
import type { GatewayError } from './errors/gateway-error.js'
import type { RequestFacts } from './events.js'
import type { ApiKey } from './keys/api-key.js'
import type { Clock } from './lib/clock.js'
import type { RuleState } from './limits/rule.js'
import type { ProtocolFormat } from './protocols/protocol-format.js'
import type { Address } from './net/address.js'
import type { RelayedUsage } from './quota/relayed-usage.js'
import type { Charge, Estimate } from './quota/usage.js'
import type { Kept } from './kept.js'
import type { Reservation } from './quota/ledger.js'

/** The API family a route belongs to. It decides where credentials may stand. */
export type Protocol = 'openai' | 'anthropic' | 'gemini'

/** One request and its response, as the guards see them: the seam to a framework. */
export interface Exchange {
  readonly method: string
  /** The path of the original target, before any mount took a part of it away; no query. */
  readonly path: string
  /** The query of the original target, without the `?`; empty when there is none. */
  readonly query: string
  readonly protocol: Protocol
  readonly dialect: Dialect
  /** How errors and limits are told to this caller. */
  readonly format: ProtocolFormat
  /** Whether the standard `RateLimit` fields are sent beside the dialect's. */
  readonly rateLimitFields: boolean
  readonly clock: Clock
  readonly requestId: string
  /** The caller's address, resolved through trusted proxies; undefined when it cannot be told. */
  readonly address: Address | undefined
  /** The same as text in its canonical form. */
  readonly clientAddress: string | undefined
  /** Aborted when the client left or a deadline passed. Made when it is first asked for. */
  readonly signal: AbortSignal
  /** For the formatter and the timeout only. */
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
  /** A request header, by its name in lower case. */
  header(name: string): string | undefined
  /** What the framework parsed; undefined before it has. */
  body(): unknown
  /** Sets a header of the response, whatever the response will be. */
  setHeader(name: string, value: string): void
  /** Puts the request id on the response. */
  announceRequestId(): void
  /** Says on the response that a store failed which the decision needed: `keys`. */
  announceDegraded(store: string): void
  /** What events say of this request. */
  facts(): RequestFacts
  /** Logs what went wrong beside the request, without anything secret. */
  report(message: string, cause: unknown): void
  /**
   * Answers with an error now, on the handler's behalf, and makes its later writes harmless.
   *
   * @param by the name of the guard that does so
   */
  interrupt(error: GatewayError, by: string): void
  /** The names of the guards that have let this request pass, in their order. */
  passedGuards(): readonly string[]
  /** The name of the guard that refused it, or ended it. */
  readonly refusedBy: string | undefined

  // Filled by guards.
  key?: ApiKey | undefined
  reservation?: Reservation | undefined
  /** The model the body asks for, once somebody looked. */
  model?: string | undefined
  /** What the request may cost, once somebody asked. */
  estimate?: Estimate | undefined
  /** The lane of the channel that serves it, once one does: it is charged at that lane's price. */
  lane?: string | undefined
  /** The output a relay has seen, in tokens, where no usage was told. */
  observedOutputTokens?: number | undefined
  /** What the handler says it used, or a relay for it. */
  charged?: Charge | undefined
  /** What of that which calls used, when a relay said it. */
  relayed?: readonly RelayedUsage[] | undefined
  /** What guards keep of it: the first of a list. */
  kept?: Kept | undefined
  /** The state of the limits this request met. */
  readonly limits: RuleState[]
}

/** An answer the gateway gives by itself. */
export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How an exchange ended. */
export interface Outcome {
  /** The status of the response, or what it would have been. */
  readonly status: number
  /** Whether the whole response reached the socket. */
  readonly completed: boolean
  /** What went wrong, when something did. */
  readonly error?: GatewayError | undefined
}
