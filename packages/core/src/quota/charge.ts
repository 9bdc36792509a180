import { readUsage } from './read-usage.js'
import type { Charge } from './usage.js'

/**
 * What a handler says its request cost, read strictly: a charge that is wrong must not pass for
 * one of nothing.
 *
 * @throws RangeError when a number in it is negative, not finite, not whole or absurd, or when there
 * is no usage in it
 */
export function chargeOf(value: object): Charge {
  if ('micros' in value) {
    const { micros } = value
    if (typeof micros !== 'number' || !Number.isSafeInteger(micros) || micros < 0) {
      throw new RangeError(`charge: micros must be a whole number from 0 up, not ${String(micros)}`)
    }
    return { micros }
  }
  const usage = readUsage(value)
  if (usage === undefined) {
    throw new RangeError('charge: no usage can be read in this object, or a number in it is wrong')
  }
  return usage
}
