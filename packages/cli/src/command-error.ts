/** How the command ends. */
export const exitCodes = {
  done: 0,
  /** It could not be done: not found, refused, a mistake found by `doctor`. */
  failed: 1,
  /** It was used wrongly: an unknown option, a bad value. */
  usage: 2,
  /** The configuration, or a store, cannot be used. */
  unusable: 3,
} as const

/** One of the exit codes. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const exitCodeOf = {
  not_found: exitCodes.failed,
  refused: exitCodes.failed,
  usage: exitCodes.usage,
  configuration: exitCodes.unusable,
  store: exitCodes.unusable,
} as const

/** What kind of failure it is. Stable: programs match on it in the output of `--json`. */
export type CommandErrorCode = keyof typeof exitCodeOf

/**
 * Why a command cannot be done. Told in one line, without a stack; the code says how the process
 * ends: 1 for `not_found` and `refused`, 2 for `usage`, 3 for `configuration` and `store`.
 *
 * @example
 * ```ts
 * throw new CommandError('not_found', `There is no request ${id}.`)
 * ```
 */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: CommandErrorCode
  /** The option or argument it is about, as it is written: `--rpm`, `<id>`. */
  readonly param: string | undefined

  /** @param message for people, as a sentence; it must hold no secret */
  constructor(
    code: CommandErrorCode,
    message: string,
    { param, cause }: { readonly param?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.param = param
  }

  /** The code the process ends with. */
  get exitCode(): ExitCode {
    return exitCodeOf[this.code]
  }
}
