import type { Condition } from './errors/conditions.js'
import type { GatewayErrorOptions } from './errors/gateway-error.js'
import type { ApiKey } from './keys/api-key.js'
import type { RuleState } from './limits/rule.js'
import type { Charge } from './quota/usage.js'

/** What a handler sees: `req.lazu` in Express, `ctx.lazu` in Koa, `request.lazu` in Fastify. */
export interface RequestContext {
  /** The id every answer carries, in its body when it is an error, and in its headers. */
  readonly requestId: string
  /** The API key the request came with; undefined where no key is asked for. */
  readonly key?: ApiKey | undefined
  /** Aborted when the client left or a deadline passed. Pass it to whatever the handler waits for. */
  readonly signal: AbortSignal
  /** Where the limits stood when the request was let in. */
  readonly limits: readonly RuleState[]
  /**
   * Says what the request used; it is charged when the response is over. Takes a usage as OpenAI,
   * Anthropic or Gemini report it, a `Usage`, or `{ micros }` for an amount. The last call counts,
   * and it counts whatever the status is.
   *
   * @throws RangeError when there is no usage to be read in it, or a number in it is negative, not
   * finite or not whole
   */
  charge(usage: Charge | object): void
  /** Ends the request with an error: `request.lazu.fail('file_not_found', { param: 'id' })`. */
  fail(condition: Condition, options?: GatewayErrorOptions): never
}
