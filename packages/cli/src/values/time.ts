import { ConfigurationError, durationMs } from '@lazu/core'
import { CommandError } from '../command-error.js'

const dayMs = 86_400_000

/** The longest there is, so that every moment counted from now is a date. */
const mostDays = 36_600

const moment =
  /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/**
 * A duration somebody wrote, in milliseconds: as the options of a gateway have it (`90s`, `12h`), and
 * in days (`30d`).
 *
 * @param option the option it is the value of, for the message
 * @throws CommandError `usage` for anything else
 */
export function duration(option: string): (text: string) => number {
  return (text) => {
    const days = /^(\d{1,5})d$/.exec(text)?.[1]
    if (days !== undefined && Number(days) >= 1 && Number(days) <= mostDays) {
      return Number(days) * dayMs
    }
    try {
      return Math.ceil(durationMs(text, option))
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      throw new CommandError(
        'usage',
        `${option} is ${JSON.stringify(text.slice(0, 80))}. Write a duration such as 90s, 12h or 30d.`,
        { param: option, cause: error },
      )
    }
  }
}

/**
 * How long an old key goes on working, in milliseconds: a duration, or `0` for not at all.
 *
 * @throws CommandError `usage` for anything else
 */
export function grace(text: string): number {
  return text === '0' ? 0 : duration('--grace')(text)
}

/**
 * A moment somebody wrote, in milliseconds since 1970: a date, which is its beginning in UTC, a
 * date and a time with their zone, or how long from now.
 *
 * @param option the option it is the value of, for the message
 * @throws CommandError `usage` for anything else, and for a moment that is over
 * @example `future('--expires')('2026-12-31')`, `('2026-12-31T18:00+01:00')`, `('30d')`
 */
export function future(option: string): (text: string) => number {
  return (text) => {
    const date = moment.exec(text)?.[1]
    const nowMs = Date.now()
    if (date === undefined && !text.includes('-') && !text.includes(':')) {
      return nowMs + duration(option)(text)
    }
    const atMs = date !== undefined && isDay(date) ? Date.parse(text) : Number.NaN
    if (atMs > nowMs) return atMs
    const problem = Number.isNaN(atMs) ? '' : ', which is over'
    throw new CommandError(
      'usage',
      `${option} is ${JSON.stringify(text.slice(0, 80))}${problem}. ` +
        'Write a date (2026-12-31), a time with its zone (2026-12-31T18:00Z), or a duration (30d).',
      { param: option },
    )
  }
}

/**
 * A day somebody wrote, `2026-11-21`.
 *
 * @param option the option it is the value of, for the message
 * @throws CommandError `usage` for anything else, and for days no month has
 */
export function day(option: string): (text: string) => string {
  return (text) => {
    if (/^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text)) return text
    throw new CommandError(
      'usage',
      `${option} is ${JSON.stringify(text.slice(0, 80))}. Write a day (UTC), 2026-11-21 for instance.`,
      { param: option },
    )
  }
}

/** The day (UTC) this many days before today. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * dayMs).toISOString().slice(0, 10)
}

/** Whether a month has this day: Date rolls the 30th of February over into March. */
function isDay(text: string): boolean {
  const atMs = Date.parse(text)
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text)
}
