import { CommandError } from '../command-error.js'
import { quoted } from '../secrets.js'

/**
 * A whole number somebody wrote.
 *
 * @param option the option it is the value of, for the message
 * @throws CommandError `usage` for anything but digits, and for a number out of bounds
 */
export function wholeNumber(
  option: string,
  { least, most }: { readonly least: number; readonly most: number },
): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new CommandError(
      'usage',
      `${option} is ${quoted(text)}. Write a whole number from ${least} to ${most}.`,
      { param: option },
    )
  }
}

/** Where a page ends, for `--limit`. */
export const pageLimit: (text: string) => number = wholeNumber('--limit', { least: 1, most: 1000 })
