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
  /** The header that carries the request id, in lower case, and what ids begin with. */
  readonly requestId: { readonly header: string; readonly prefix: string }
  /** The members of `error`, in order. `details` appears only when there are any. */
  readonly envelope: readonly EnvelopeMember[]
  /** Which rate-limit headers its responses carry. */
  readonly rateHeaders: 'openai' | 'none'
  /**
   * Messages in its own words, where it has any. `{name}` stands for the member `name` of the
   * error's details; a template whose details are not all there is not used.
   */
  readonly messages: Partial<Record<Condition, string>>
  readonly answers: Readonly<Record<Condition, Answer>>
}
