import type { Condition } from '../errors/conditions.js'

/**
 * Whether trying again can help: `no`; `yes`; `after` the time in Retry-After; `once`; `5xx` (only
 * when the upstream's own status was 408, 429 or 500 and above).
 */
export type Retry = 'no' | 'yes' | 'after' | 'once' | '5xx'

/** How a dialect says one condition. */
export type Answer = readonly [status: number, type: string, code: string, retry: Retry]

/** A member of the `error` object in the OpenAI envelope. */
export type EnvelopeMember = 'message' | 'type' | 'code' | 'param' | 'request_id' | 'details'

/** How one gateway speaks. Data only: a dialect file reads like the gateway's own documentation. */
export interface Dialect {
  readonly name: string
  /** What its keys begin with, `sk-lazu-` for instance. */
  readonly keyPrefix: string
  /** The header that carries the request id, in lower case, and what ids look like. */
  readonly requestId: {
    readonly header: string
    readonly prefix: string
    /** What follows the prefix: a ULID, or 24 characters of a-z and 0-9. */
    readonly form: 'ulid' | 'alphanumeric-24'
  }
  /**
   * The members of `error` in the OpenAI envelope, in order. A `param` that is not there is null.
   * `details` appears only when there are any; the status of an upstream that rejected a request is
   * told in it by every dialect.
   */
  readonly envelope: readonly EnvelopeMember[]
  /** Whether routes of other API families are answered in their own protocol, or as OpenAI's. */
  readonly nativeProtocols: boolean
  /** Whether errors carry hints for programs that mend their own requests. */
  readonly hints: boolean
  /**
   * Which rate-limit headers its responses carry on OpenAI routes: OpenAI's own; X-RateLimit-Limit,
   * -Remaining and -Reset (Unix seconds); none.
   */
  readonly rateHeaders: 'openai' | 'reset' | 'none'
  /**
   * Messages in its own words, where it has any. `{name}` stands for a fact of the error, `{name:2}`
   * for a number with two decimals; where a fact is not known the common words are used.
   */
  readonly messages: Partial<Record<Condition, string>>
  /** Types it has of its own in the Anthropic protocol, in place of the status's. */
  readonly anthropicTypes: Partial<Record<Condition, string>>
  /**
   * Whose fault an upstream's 400 or 422 is: the caller's, who sent what the upstream calls malformed
   * (`body_malformed`), or the upstream's (`upstream_rejected`), as with any other 4xx.
   */
  readonly upstreamBadRequest: 'caller' | 'upstream'
  readonly answers: Readonly<Record<Condition, Answer>>
}
