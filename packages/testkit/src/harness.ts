import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { CommonOptions, GatewayOptions, Guard, RequestContext } from '@lazu/core'

/** What a test's handler is given, the same in every framework. */
export interface HandlerInput {
  readonly lazu: RequestContext
  readonly body: unknown
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
  /** Sends an event stream the way this framework's users do. */
  readonly stream: (source: Readable) => Promise<void>
  /** Sets a header the way this framework's users do. */
  readonly setHeader: (name: string, value: string) => void
}

/**
 * A handler. What it returns is sent as JSON the framework's own way, unless it is undefined; what
 * it throws goes where the framework puts it.
 */
export type Handler = (input: HandlerInput) => unknown

/** A server to test: the preset or guards, and routes. */
export interface App {
  /** The preset, around all routes: head phase, body parser, body phase. */
  readonly gateway?: GatewayOptions
  /**
   * Guards alone, in this order: those named `before` come before the body parser, `after` behind it.
   * In Fastify both are plugins.
   */
  readonly guards?: {
    readonly before?: readonly GuardUse[]
    readonly after?: readonly GuardUse[]
    /** Guards a test wrote itself, through `lazuGuard`, before everything else. */
    readonly own?: readonly Guard[]
  }
  /** Options of `lazuErrors`; `false` leaves it out. */
  readonly errors?: CommonOptions | false
  /** Whether `lazuNotFound` is mounted; yes unless given. */
  readonly notFound?: boolean
  /** The body parser's limit; 100 kB unless given. */
  readonly bodyLimitBytes?: number
  /** Handlers by method and path: `POST /v1/chat`. */
  readonly routes: Readonly<Record<string, Handler>>
}

/** A guard by its public name, with its options. */
export interface GuardUse {
  readonly name:
    | 'lazuRequestId'
    | 'lazuAuth'
    | 'lazuIpAllowlist'
    | 'lazuRateLimit'
    | 'lazuModel'
    | 'lazuValidate'
    | 'lazuQuota'
    | 'lazuTimeout'
  readonly options?: object
}

/** A server that listens on a free port of this machine. */
export interface RunningApp {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Starts apps in one framework. */
export interface Harness {
  readonly name: string
  start(app: App): Promise<RunningApp>
}
