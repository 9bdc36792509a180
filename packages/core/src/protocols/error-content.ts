import type { Dialect } from '../dialects/dialect.js'
import type { Condition } from '../errors/conditions.js'
import type { ErrorDetails, Hints } from '../errors/gateway-error.js'

/** What an error says, ready to be put into an envelope. Every text in it is of bounded length. */
export interface ErrorContent {
  readonly condition: Condition
  readonly dialect: Dialect
  readonly status: number
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
  readonly requestId: string
  readonly details: ErrorDetails | undefined
  /** How long the caller is told to wait, in milliseconds. */
  readonly waitMs: number | undefined
  /** Members for programs that mend their own requests; undefined where they are off. */
  readonly hints: Hints | undefined
}
