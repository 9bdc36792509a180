import { CommandError } from '../command-error.js'

const longest = 200

/**
 * A name somebody gave to something: an account, a reference.
 *
 * @param option the option or argument it is the value of, for the message
 * @throws CommandError `usage` when it is empty, too long, or has control characters
 */
export function name(option: string): (text: string) => string {
  return (text) => {
    // As keys may have it: control characters do not survive every store and log.
    if (text.length > 0 && text.length <= longest && /^[^\p{Cc}\p{Cs}]*$/u.test(text)) return text
    throw new CommandError(
      'usage',
      `${option} must be 1 to ${longest} characters, no control characters.`,
      { param: option },
    )
  }
}
