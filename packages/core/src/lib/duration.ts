import { ConfigurationError } from './configuration-error.js'

/** A time: milliseconds, or text such as `'500ms'`, `'120s'`, `'2m'`, `'1h'`. */
export type Duration = number | string

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** What Node's timers can wait at most; they go off at once beyond it. */
const longestMs = 2_147_483_647

/**
 * A duration in milliseconds.
 *
 * @throws ConfigurationError unless it is more than nothing and at most 24 days
 */
export function durationMs(duration: Duration, path: string): number {
  const ms = typeof duration === 'number' ? duration : textMs(duration)
  if (ms === undefined || !Number.isFinite(ms) || ms <= 0 || ms > longestMs) {
    throw new ConfigurationError(
      'LAZU_CONFIG_INVALID_DURATION',
      path,
      `is ${typeof duration === 'string' ? JSON.stringify(duration) : duration}`,
      "Write a duration such as '500ms', '120s', '2m' or '1h', or a number of milliseconds.",
    )
  }
  return ms
}

function textMs(text: string): number | undefined {
  const match = /^(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text)
  const factor = unitMs[match?.[2] ?? '']
  return factor === undefined ? undefined : Number(match?.[1]) * factor
}

/** A duration as a sentence says it: `120 seconds`. */
export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} second${ms === 1000 ? '' : 's'}` : `${ms} milliseconds`
}
