import type { Answer, Dialect } from '../dialects/dialect.js'
import { lazu } from '../dialects/lazu.js'
import { conditions, type Condition } from './conditions.js'

/** What a message or a client may read about an error beside its code. Values are short. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

/**
 * Members for programs that mend their own requests. They stand inside `error`, where the dialect has
 * them or the server switched them on; some the formatter adds by itself.
 */
export interface Hints {
  /** What to do next, as a sentence. */
  readonly hint?: string | undefined
  readonly did_you_mean?: string | undefined
  readonly suggestions?: readonly string[] | undefined
  readonly alternatives?: readonly string[] | undefined
  readonly retryable?: boolean | undefined
  /** Whole seconds, the same as in Retry-After. */
  readonly retry_after?: number | undefined
  readonly balance_usd?: number | undefined
  readonly estimated_cost_usd?: number | undefined
}

/** What an error may carry beside its condition. */
export interface GatewayErrorOptions {
  /** What people read. Left out: the dialect's own words, or the condition's. */
  message?: string | undefined
  /** The field the caller must mend, as a path: `messages[0].role`. */
  param?: string | undefined
  /** Facts for programs, shown to the caller as `error.details`: `{ status_code: 429 }`. */
  details?: ErrorDetails | undefined
  /**
   * What a dialect's own words may be made of: `{ seconds: 120 }`. With facts, `message` is only for
   * dialects that have no words of their own. Amounts in dollars are `balance_usd` and
   * `estimated_cost_usd`, which are hints as well.
   */
  facts?: Readonly<Record<string, string | number>> | undefined
  hints?: Hints | undefined
  /** How long the caller should wait, in milliseconds; becomes Retry-After and retry-after-ms. */
  retryAfterMs?: number | undefined
  /** Headers of the answer, names in lower case. */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * A 4xx status to answer with instead of the condition's, for errors that were thrown with one no
   * condition has (409, 410, 418).
   */
  status?: number | undefined
  /** What led here. For the log; never reaches the caller. */
  cause?: unknown
}

const brand = Symbol.for('lazu.GatewayError')

/**
 * The one error guards throw, and the one to throw in a handler.
 *
 * It says what went wrong as a condition; the dialect of the request says it to the caller. An error
 * handler that is not ours finds `status`, `statusCode`, `expose` and `headers` on it, as on an
 * error of `http-errors`.
 *
 * It has no stack of its own: a refusal is an answer, not a bug, and a stack costs more than
 * everything else a refusal does. `cause` keeps its stack.
 *
 * @example
 * ```ts
 * throw new GatewayError('file_not_found', { param: 'file_id' })
 * ```
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly condition: Condition
  readonly param: string | undefined
  readonly details: ErrorDetails | undefined
  readonly facts: Readonly<Record<string, string | number>> | undefined
  readonly hints: Hints | undefined
  readonly retryAfterMs: number | undefined
  readonly headers: Readonly<Record<string, string>> | undefined
  /** The dialect `status` is read from; the formatter goes by the request's. */
  dialect: Dialect = lazu
  /** Whether somebody wrote the message for this error; otherwise the dialect may word it. */
  readonly hasOwnMessage: boolean
  readonly [brand] = true
  readonly #status: number | undefined

  constructor(condition: Condition, options: GatewayErrorOptions = {}) {
    const stackTraceLimit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(
      options.message ?? conditions[condition].message,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    Error.stackTraceLimit = stackTraceLimit
    this.condition = condition
    this.hasOwnMessage = options.message !== undefined && options.facts === undefined
    this.param = options.param
    this.details = options.details
    this.facts = options.facts
    this.hints = options.hints
    this.retryAfterMs = options.retryAfterMs
    this.headers = options.headers
    this.#status = options.status
  }

  /** Status, type, code and retry in a dialect. */
  answerIn(dialect: Dialect): Answer {
    const answer = dialect.answers[this.condition]
    if (this.#status === undefined) return answer
    return [this.#status, answer[1], answer[2], answer[3]]
  }

  /** The HTTP status. */
  get status(): number {
    return this.answerIn(this.dialect)[0]
  }

  /** The HTTP status, by its other usual name. */
  get statusCode(): number {
    return this.status
  }

  /** Whether the message may be shown to the caller: always, since it never holds a cause. */
  get expose(): boolean {
    return true
  }

  /** Whether a value is a GatewayError, made by this copy of the package or by another one. */
  static is(value: unknown): value is GatewayError {
    try {
      return typeof value === 'object' && value !== null && Reflect.get(value, brand) === true
    } catch {
      return false
    }
  }
}
