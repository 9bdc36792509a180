import { z } from 'zod'
import type { Clock } from '../lib/clock.js'
import { hasMethods } from '../lib/has-methods.js'
import { mostKeys } from './time-table.js'

/** Options of {@link TokenBucketMemory}. */
export interface TokenBucketOptions {
  /** Whole tokens that flow in during `duration`. */
  readonly points: number
  /** Seconds; 60 unless given. At most a year. */
  readonly duration?: number | undefined
  /** Whole tokens the bucket holds, and so what may pass at once; `points` unless given. */
  readonly burst?: number | undefined
  /**
   * How many keys are held at most; 1,000,000 unless given, which is about 110 MB when all of them
   * are in use. Beyond it the key nearest to being full is let go.
   */
  readonly maxKeys?: number | undefined
  /** The limiter's name among others; `lazu` unless given. Keys are not shared by that name. */
  readonly keyPrefix?: string | undefined
  /** The machine's own unless given. */
  readonly clock?: Clock | undefined
}

const secondsOfYear = 31_622_400
const wholeFromOne = 'Give a whole number from 1 up'

/** What {@link TokenBucketOptions} may be. */
export const tokenBucketOptions: z.ZodType<TokenBucketOptions> = z.strictObject({
  points: z.int({ error: wholeFromOne }).min(1, { error: wholeFromOne }),
  duration: z
    .number({ error: 'Give seconds, 60 for instance' })
    .positive({ error: 'Give seconds above 0, 60 for instance' })
    .max(secondsOfYear, { error: 'Give at most a year in seconds' })
    .optional(),
  burst: z.int({ error: wholeFromOne }).min(1, { error: wholeFromOne }).optional(),
  maxKeys: z
    .int({ error: wholeFromOne })
    .min(1, { error: wholeFromOne })
    .max(mostKeys, { error: `Give at most ${mostKeys}; for more keys use a store` })
    .optional(),
  keyPrefix: z.string({ error: 'Give a text' }).optional(),
  clock: z
    .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), {
      error: 'Give an object with monotonicMs, wallMs and after',
    })
    .optional(),
})
