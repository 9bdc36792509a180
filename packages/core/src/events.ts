import type { Condition } from './errors/conditions.js'
import type { LoggedError } from './lib/logger.js'
import type { LimitUnit } from './limits/rule.js'
import type { Settled } from './quota/ledger.js'
import type { UnsettledCharge } from './quota/unsettled.js'

/** What every event says of its request. There is no secret in it: a key appears by its id. */
export interface RequestFacts {
  readonly requestId: string
  /** The caller's own X-Request-Id, when it was a harmless one. */
  readonly clientRequestId: string | undefined
  readonly method: string
  readonly path: string
  readonly keyId: string | undefined
  readonly account: string | undefined
  readonly clientAddress: string | undefined
}

/** What happens in a gateway, by name. */
export interface GatewayEvents {
  /** A request was answered with a 4xx. */
  refused: RequestFacts & { readonly condition: Condition; readonly status: number }
  /** A request was answered with a 5xx, or its stream ended with an error. */
  failed: RequestFacts & {
    readonly condition: Condition
    readonly status: number
    /** What led to it, with whatever looks like a key taken out. */
    readonly cause: LoggedError | undefined
  }
  /** A rule in observe mode would have refused this request. */
  observed: RequestFacts & {
    readonly rule: string
    readonly unit: LimitUnit
    readonly limit: number
    readonly waitMs: number
  }
  /** A reservation ended. */
  settled: RequestFacts &
    Settled & {
      readonly reserved: number
      readonly model: string | undefined
    }
  /**
   * How a request was to end could not be told to the ledger, which refused it or was away for too
   * long. A charge has to be made by hand; a reservation to release expires by itself.
   */
  unsettled: RequestFacts & UnsettledCharge
  /** A store failed several times in a row and is left alone (`opened`), or is back (`closed`). */
  degraded: {
    /** `keys`, `ledger` or `limits`. */
    readonly store: string
    readonly state: 'opened' | 'closed'
    /** The last failure. */
    readonly cause: LoggedError
  }
  /** A channel to an upstream failed: one for every attempt, whatever the client was answered. */
  channelFailed: RequestFacts & {
    /** The channel's name. */
    readonly channel: string
    readonly condition: Condition
    /** What the upstream answered with, when it did. */
    readonly status: number | undefined
    /** What happened, in words of ours: nothing the upstream said is in it. */
    readonly cause: string
    /** Whether another channel is tried. */
    readonly triesAnother: boolean
  }
  /** A handler went on writing after its request had been answered for it; told once a request. */
  lateWrite: RequestFacts
}

type Listener<Name extends keyof GatewayEvents> = (event: GatewayEvents[Name]) => void
type Listeners = { [Name in keyof GatewayEvents]?: Listener<Name>[] }

/**
 * The event stream of a gateway, or of several guards that share it.
 *
 * @example
 * ```ts
 * const events = createEvents()
 * events.on('refused', ({ condition, keyId }) => metrics.count(condition, keyId))
 * app.use(lazuAuth({ keys, events }))
 * ```
 */
export class Events {
  readonly #listeners: Listeners = {}

  /** Calls `listener` for each event of a name. Returns a function that stops it. */
  on<Name extends keyof GatewayEvents>(name: Name, listener: Listener<Name>): () => void {
    const listeners: Listener<Name>[] = (this.#listeners[name] ??= [])
    listeners.push(listener)
    return () => {
      const index = listeners.indexOf(listener)
      if (index !== -1) listeners.splice(index, 1)
    }
  }

  /** Whether anybody listens; an event nobody hears need not be made. */
  has(name: keyof GatewayEvents): boolean {
    const listeners = this.#listeners[name]
    return listeners !== undefined && listeners.length > 0
  }

  /** Tells everybody. A listener that throws breaks neither the request nor the other listeners. */
  emit<Name extends keyof GatewayEvents>(name: Name, event: GatewayEvents[Name]): void {
    const listeners: Listener<Name>[] | undefined = this.#listeners[name]
    if (listeners === undefined) return
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (error) {
        // Thrown where it can be seen, and where it cannot take a request with it.
        queueMicrotask(() => process.emitWarning(error instanceof Error ? error : String(error)))
      }
    }
  }
}

/** Makes an event stream to share among guards that are mounted one by one. */
export function createEvents(): Events {
  return new Events()
}
