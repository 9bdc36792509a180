import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange.js'
import { keep, Kept, keptOf } from '../kept.js'
import { durationMs, durationText, type Duration } from '../lib/duration.js'
import type { Clock, Timer } from '../lib/clock.js'
import type { Guard } from '../pipeline.js'

/** How long a request may take. At least one of the three is given. */
export interface TimeoutOptions {
  /** From the guard to the end of the response. */
  total?: Duration | undefined
  /** From the guard to the head of the response. */
  firstByte?: Duration | undefined
  /** From one chunk of the response to the next. */
  idle?: Duration | undefined
}

const duration = z.union([z.number(), z.string()])

/** The shape of what is given as `timeout`: a duration is the total. */
export const timeoutSchema = z.union([
  duration,
  z
    .strictObject({
      total: duration.optional(),
      firstByte: duration.optional(),
      idle: duration.optional(),
    })
    .refine((options) => Object.values(options).some((value) => value !== undefined), {
      error: "Give at least one of total, firstByte and idle: { total: '120s' }",
    }),
])

/**
 * Answers 504 (or ends an event stream with an error) when a request takes too long, aborts its
 * `signal`, and makes what the handler still writes harmless.
 *
 * @throws ConfigurationError for what is no duration
 */
export function timeoutGuard(
  options: Duration | TimeoutOptions,
  clock: Clock,
  path: string,
): Guard {
  const limits = limitsOf(options, path)
  const guard: Guard = {
    name: 'timeout',
    phase: 'head',
    enter(exchange) {
      keep(exchange, new Deadlines(guard, exchange, limits, clock))
    },
    leave(exchange) {
      keptOf(exchange, Deadlines, guard)?.cancel()
    },
  }
  return guard
}

function limitsOf(options: Duration | TimeoutOptions, path: string): Limits {
  if (typeof options !== 'object') {
    return { totalMs: durationMs(options, path), firstByteMs: undefined, idleMs: undefined }
  }
  return {
    totalMs: optionalMs(options.total, `${path}.total`),
    firstByteMs: optionalMs(options.firstByte, `${path}.firstByte`),
    idleMs: optionalMs(options.idle, `${path}.idle`),
  }
}

function optionalMs(value: Duration | undefined, path: string): number | undefined {
  return value === undefined ? undefined : durationMs(value, path)
}

interface Limits {
  readonly totalMs: number | undefined
  readonly firstByteMs: number | undefined
  readonly idleMs: number | undefined
}

/**
 * How long a client may take to read what was sent when its time was over. Whoever reads nothing
 * would hold a reservation and a place among the requests in flight for as long as it likes.
 */
const lastWordMs = 5_000

/** The timers of one request. */
class Deadlines extends Kept {
  readonly #exchange: Exchange
  readonly #clock: Clock
  #total: Timer | undefined
  #firstByte: Timer | undefined
  #idle: Timer | undefined
  #lastWriteMs = 0

  constructor(guard: Guard, exchange: Exchange, limits: Limits, clock: Clock) {
    super(guard)
    this.#exchange = exchange
    this.#clock = clock
    const { totalMs, firstByteMs, idleMs } = limits
    if (totalMs !== undefined) this.#total = clock.after(totalMs, () => this.#expire(totalMs))
    if (firstByteMs !== undefined) {
      this.#firstByte = clock.after(firstByteMs, () => {
        if (!exchange.raw.response.headersSent) this.#expire(firstByteMs)
      })
    }
    if (idleMs !== undefined) this.#watchWrites(idleMs)
  }

  cancel(): void {
    this.#total?.cancel()
    this.#firstByte?.cancel()
    this.#idle?.cancel()
  }

  #expire(ms: number): void {
    this.cancel()
    this.#exchange.interrupt(
      new GatewayError('request_timeout', {
        message: `The request timed out after ${durationText(ms)}.`,
        facts: { seconds: ms / 1000 },
      }),
      'timeout',
    )
    const { response } = this.#exchange.raw
    if (response.writableFinished || response.destroyed) return
    this.#total = this.#clock.after(lastWordMs, () => void response.destroy())
  }

  /** Notes the time of each chunk; the time to the first one is not for this limit. */
  #watchWrites(idleMs: number): void {
    const { response } = this.#exchange.raw
    const write = response.write.bind(response)
    response.write = (...args: unknown[]): boolean => {
      this.#lastWriteMs = this.#clock.monotonicMs()
      this.#idle ??= this.#clock.after(idleMs, () => this.#checkIdle(idleMs))
      return Reflect.apply(write, undefined, args) === true
    }
  }

  #checkIdle(idleMs: number): void {
    const restMs = this.#lastWriteMs + idleMs - this.#clock.monotonicMs()
    // What is all written is only on its way to a slow client.
    if (this.#exchange.raw.response.writableEnded) return
    if (restMs <= 0) this.#expire(idleMs)
    else this.#idle = this.#clock.after(restMs, () => this.#checkIdle(idleMs))
  }
}
