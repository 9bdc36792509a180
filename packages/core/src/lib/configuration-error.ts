/** What kind of mistake a configuration holds. Stable: match on these, not on the message. */
export type ConfigurationCode =
  | 'LAZU_CONFIG_UNKNOWN_OPTION'
  | 'LAZU_CONFIG_MISSING_OPTION'
  | 'LAZU_CONFIG_INVALID_OPTION'
  | 'LAZU_CONFIG_INVALID_DURATION'
  | 'LAZU_CONFIG_INVALID_NETWORK'
  | 'LAZU_CONFIG_DANGEROUS'
  | 'LAZU_CONFIG_STORE'

/**
 * A mistake in the options, thrown when a guard, store or gateway is built, never on a request.
 *
 * @example
 * ```
 * LAZU_CONFIG_INVALID_NETWORK: allow[0] is "10.0.0.0/33": a prefix of an IPv4 network is 0 to 32.
 * Write "10.0.0.0/8", for instance.
 * ```
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code: ConfigurationCode
  /** Where the mistake is, as one would write it in code: `limits[1].rpm`. */
  readonly path: string

  /**
   * @param problem what is wrong, as the rest of a sentence that begins with the path
   * @param mend what would be right, as a sentence
   */
  constructor(code: ConfigurationCode, path: string, problem: string, mend: string) {
    super(`${code}: ${path} ${problem}. ${mend}`)
    this.code = code
    this.path = path
  }
}
