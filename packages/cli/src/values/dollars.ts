import { CommandError } from '../command-error.js'
import { quoted } from '../secrets.js'

/**
 * Dollars as somebody wrote them, in micro-USD: read digit by digit, so that no floating point comes
 * near money.
 *
 * @param option the option or argument it is the value of, for the message
 * @throws CommandError `usage` for anything but a positive amount of at most six decimals
 * @example `dollars('--credit')('12.5')` is `12_500_000`
 */
export function dollars(option: string): (text: string) => number {
  return (text) => {
    const [, whole, decimals = ''] = /^\$?(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text) ?? []
    const micros = whole === undefined ? 0 : Number(`${whole}${decimals.padEnd(6, '0')}`)
    if (micros > 0 && Number.isSafeInteger(micros)) return micros
    throw new CommandError(
      'usage',
      `${option} is ${quoted(text)}. ` +
        'Write dollars with at most 6 decimals, 12.50 for instance, from 0.000001 to 9007199254.740991.',
      { param: option },
    )
  }
}
