import type { Duration } from '@lazu/core'
import { z } from 'zod'

/** How long a call may take. Each limit has a timer of its own. */
export interface UpstreamTimeouts {
  /** Until there is a connection to send the request on. */
  connect?: Duration | undefined
  /** Until the first byte of the answer's body. */
  firstByte?: Duration | undefined
  /** From one chunk of the body to the next, waiting for the client not counted. */
  idle?: Duration | undefined
  /** Until the end of the answer. */
  total?: Duration | undefined
}

/** One upstream that a model can be served by. */
export interface ChannelOptions {
  /** What logs and events call it. Unique; clients never see it. */
  name: string
  /**
   * Its base URL, as one would give it to an SDK. With or without a version at its end:
   * `https://api.openai.com/v1` and `https://api.openai.com` are the same here.
   */
  url: string
  /**
   * Its API key. Undefined or empty: it is missing, and the channel is passed over. Null: the upstream
   * asks for none.
   */
  key?: string | null | undefined
  /** The class of price and route it belongs to. Left out: it serves the keys of every lane. */
  lane?: string | undefined
  /** How many of the requests it gets, beside the other channels' weights; 1 unless given. */
  weight?: number | undefined
  /** Each limit that is left out is the upstream's. */
  timeout?: UpstreamTimeouts | undefined
  /** What the upstream calls the model, or how to make that of the name a caller asks for. */
  model?: string | ((asked: string) => string) | undefined
  /** Headers of every request to it. */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * Whether streams are asked for their usage where their client did not ask; yes unless given. It is
   * for upstreams that refuse `stream_options`.
   */
  askUsage?: boolean | undefined
}

const duration = z.union([z.number(), z.string()])

/** The shape of time limits. */
export const timeoutsSchema = z.strictObject({
  connect: duration.optional(),
  firstByte: duration.optional(),
  idle: duration.optional(),
  total: duration.optional(),
})

/** What may hold a secret is looked at elsewhere: a mistake told from here shows its value. */
const secret = z.unknown()

/** The shape of a channel. */
export const channelSchema = z.strictObject({
  name: z.string('Give it a name of 1 to 64 characters').min(1).max(64),
  url: secret,
  key: secret.optional(),
  lane: z.string().min(1).max(64).optional(),
  weight: z.int('Write a whole number from 1 to 1000').min(1).max(1_000).optional(),
  timeout: timeoutsSchema.optional(),
  model: z
    .union([z.string().min(1).max(256), z.custom((value) => typeof value === 'function')], {
      error: 'Give the name the upstream has for the model, or a function that makes it',
    })
    .optional(),
  headers: secret.optional(),
  askUsage: z.boolean('Write true or false').optional(),
})
