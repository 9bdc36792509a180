import { CommandError } from '../command-error.js'
import { quoted } from '../secrets.js'

const dayMs = 86_400_000

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: dayMs,
}

/** The longest there is, so that every moment counted from now is a date. */
const mostDays = 36_600

/** How long two secrets of one key may work at most: a year, and a leap year's day. */
const mostGraceDays = 366

const moment =
  /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/**
 * A duration somebody wrote, in milliseconds: `90s`, `12h`, `30d`. It is counted and not waited for,
 * so it may be longer than any timer.
 *
 * @param option the option it is the value of, for the message
 * @param days how many days it may be at most; a hundred years unless given
 * @throws CommandError `usage` for anything else
 */
export function duration(option: string, days: number = mostDays): (text: string) => number {
  return (text) => {
    const [, count, unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
    const ms = Math.ceil(Number(count) * (unitMs[unit] ?? Number.NaN))
    if (ms > 0 && ms <= days * dayMs) return ms
    const problem = ms > 0 ? `, which is more than ${days} days` : ''
    throw new CommandError(
      'usage',
      `${option} is ${quoted(text)}${problem}. Write a duration such as 90s, 12h or 30d` +
        `${ms > 0 ? `, ${days}d at most` : ''}.`,
      { param: option },
    )
  }
}

/**
 * How long an old key goes on working, in milliseconds: a duration of a year at most, or `0` for not
 * at all.
 *
 * @throws CommandError `usage` for anything else
 */
export function grace(text: string): number {
  return text === '0' ? 0 : duration('--grace', mostGraceDays)(text)
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
      `${option} is ${quoted(text, /^\d{4}-\d{2}-\d{2}[\dT:.Z+-]*$/.test(text))}${problem}. ` +
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
      `${option} is ${quoted(text)}. Write a day (UTC), 2026-11-21 for instance.`,
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
