/** How fast a bucket fills and how much it holds. */
export interface BucketLimit {
  /** Whole tokens that flow in during `duration`. */
  readonly points: number
  /** Seconds; 60 unless given. At most a year. */
  readonly duration?: number | undefined
  /**
   * Whole tokens the bucket holds, and so what may pass at once; `points` unless given. They must
   * flow in within ten years.
   */
  readonly burst?: number | undefined
}

/** The rate of a bucket, worked out in microseconds. */
export interface MicroRate {
  readonly burst: number
  /** How long an empty bucket takes to fill. */
  readonly capacityMicros: number
  /** How long so many tokens take to flow in. */
  readonly microsOf: (tokens: number) => number
}

/** The longest `duration`, in seconds. */
export const secondsOfYear = 31_622_400

/** How long any bucket may take to fill: above it, times in Redis would not be exact. */
const mostFillMicros = 10 * secondsOfYear * 1_000_000

/** @throws RangeError that names the field which is no limit */
export function microRate({ points, duration = 60, burst = points }: BucketLimit): MicroRate {
  if (!isWhole(points) || points === 0) throw badLimit('points', points)
  if (!isWhole(burst) || burst === 0) throw badLimit('burst', burst)
  if (!(duration > 0 && duration <= secondsOfYear)) throw badLimit('duration', duration)
  const durationMicros = duration * 1_000_000
  // Always in this order, so that no cost up to the burst is rounded to more than the capacity.
  const microsOf = (tokens: number): number => (tokens * durationMicros) / points
  const capacityMicros = microsOf(burst)
  if (capacityMicros > mostFillMicros) throw badLimit('burst', burst)
  return { burst, capacityMicros, microsOf }
}

/** Whether a bucket of that limit takes no longer to fill than ten years. */
export function fillsInTime({ points, duration = 60, burst = points }: BucketLimit): boolean {
  return (burst * duration * 1_000_000) / points <= mostFillMicros
}

/** Whether it is a whole number of tokens, from 0. */
export function isWhole(tokens: number): boolean {
  return Number.isSafeInteger(tokens) && tokens >= 0
}

function badLimit(field: string, value: number): RangeError {
  return new RangeError(`${field} is out of range for a bucket: ${value}`)
}
