import type { Duration } from '@lazu/core'
import { z } from 'zod'
import {
  channelSchema,
  timeoutsSchema,
  type ChannelOptions,
  type UpstreamTimeouts,
} from './channel-options.js'

/** Streams whose client has left are read to their end, for their usage. */
export interface DrainOptions {
  /** How many at once; 100 unless given. All others are broken off. */
  atMost?: number | undefined
  /** For how long each; '30s' unless given. */
  for?: Duration | undefined
}

/** What `channels()` is told. */
export interface UpstreamOptions {
  /** The channels of each model, by the name callers ask for; `'*'`: of every other model. */
  models: Readonly<Record<string, readonly ChannelOptions[]>>
  /**
   * The time limits of channels that have none of their own: connect '10s', firstByte '2m', idle
   * '1m' and total '10m' unless given.
   */
  timeout?: UpstreamTimeouts | undefined
  /** How many other channels are tried when one fails; 1 unless given. */
  retries?: number | undefined
  /** When a channel is left alone. */
  breaker?:
    | {
        /** Failures in a row; 5 unless given. */
        failures?: number | undefined
        /** For how long, before one request tries it again; '10s' unless given. */
        pause?: Duration | undefined
      }
    | undefined
  /**
   * What becomes of a call whose client has left: `'abort'` (unless given) breaks it off,
   * `{ drain: {} }` reads it to its end so that its usage is charged.
   */
  whenClientLeaves?: 'abort' | { drain: DrainOptions } | undefined
  /** The largest answer that is no stream, in bytes; 32 MB unless given. */
  maxAnswerBytes?: number | undefined
}

const duration = z.union([z.number(), z.string()])

/** The shape of the options. */
export const upstreamSchema = z.strictObject({
  models: z.record(
    z.string().min(1).max(256),
    z.array(channelSchema).nonempty({ error: 'Give the model at least one channel' }),
    { error: "Give the channels of each model: { 'gpt-5': [{ name, url, key }] }" },
  ),
  timeout: timeoutsSchema.optional(),
  retries: z.int('Write a whole number from 0 to 10').min(0).max(10).optional(),
  breaker: z
    .strictObject({
      failures: z.int('Write a whole number from 1 to 1000').min(1).max(1_000).optional(),
      pause: duration.optional(),
    })
    .optional(),
  whenClientLeaves: z
    .union(
      [
        z.literal('abort'),
        z.strictObject({
          drain: z.strictObject({
            atMost: z.int('Write a whole number from 1 to 100000').min(1).max(100_000).optional(),
            for: duration.optional(),
          }),
        }),
      ],
      { error: "Write 'abort' or { drain: { atMost: 100, for: '30s' } }" },
    )
    .optional(),
  maxAnswerBytes: z.int('Write a whole number of bytes').min(1).max(1_000_000_000).optional(),
})
