import { CommandError } from '../command-error.js'
import { isCertainlyKey } from '../secrets.js'

const longest = 200

/**
 * A name somebody gave to something: an account, a reference.
 *
 * @param option the option or argument it is the value of, for the message
 * @throws CommandError `usage` when it is empty, too long, has control characters, or is a key: names
 *   are shown to everybody
 */
export function name(option: string): (text: string) => string {
  return (text) => {
    if (isCertainlyKey(text)) {
      throw new CommandError(
        'usage',
        `${option} is a key, and is not shown here. Write a name; keys are secrets, and names are not.`,
        { param: option },
      )
    }
    // As keys may have it: control characters do not survive every store and log.
    if (text.length > 0 && text.length <= longest && /^[^\p{Cc}\p{Cs}]*$/u.test(text)) return text
    throw new CommandError(
      'usage',
      `${option} must be 1 to ${longest} characters, no control characters.`,
      { param: option },
    )
  }
}
