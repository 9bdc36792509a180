import type { RequestFacts } from '../events.js'
import type { Condition } from '../errors/conditions.js'
import type { RuleState } from '../limits/rule.js'

/**
 * What became of one request: what each guard decided, and how it ended. Nothing in it is secret,
 * and no stranger can make it large: a path has 500 characters at most, a model 200.
 */
export interface RequestRecord extends RequestFacts {
  /** When it came in, in milliseconds since 1970. */
  readonly atMs: number
  /** From when it came in to the end of its response. */
  readonly durationMs: number
  /** The status of the response; 499 when the connection was gone before there was one. */
  readonly status: number
  /** Whether the whole response reached the socket. */
  readonly completed: boolean
  /** What went wrong, when something did. */
  readonly condition: Condition | undefined
  /** The guards that let it pass, in their order. */
  readonly passed: readonly string[]
  /**
   * The guard that refused it, or ended it after it had let it pass, as a timeout does. Undefined for
   * what went wrong behind the guards.
   */
  readonly refusedBy: string | undefined
  /** The model it asked for, once somebody looked. */
  readonly model: string | undefined
  /** Where the limits stood. */
  readonly limits: readonly Pick<RuleState, 'rule' | 'limit' | 'remaining'>[]
}

/**
 * Where a gateway notes what became of each request, so that somebody can ask later. It is no
 * ledger: under a flood, or when the process dies, the newest records may be lost.
 */
export interface RequestLog {
  /** Takes a record in. Never throws and never waits. Of two with one id, the later one counts. */
  record(record: RequestRecord): void
  /**
   * The record of a request; undefined when there is none, or none any more.
   *
   * @throws RangeError for an id that is no text
   */
  find(requestId: string): RequestRecord | undefined | Promise<RequestRecord | undefined>
}
