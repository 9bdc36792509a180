import { CommandError } from '../command-error.js'

/**
 * The id of a key, as somebody wrote it. What is no id is not shown: people paste a whole key where
 * its id belongs.
 *
 * @param option the option or argument it is the value of, for the message
 * @throws CommandError `usage` for anything but an id
 */
export function keyId(option: string): (text: string) => string {
  return (text) => {
    if (/^key_[0-9A-Z]{26}$/.test(text)) return text
    throw new CommandError(
      'usage',
      `${option} is no key's id, and is not shown here as it may be a key itself. ` +
        'Write an id such as key_01JD3M7Q4R5S6T7V8W9XABCDEF; lazu keys list shows them.',
      { param: option },
    )
  }
}
