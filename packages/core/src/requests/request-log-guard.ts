import { z } from 'zod'
import type { Exchange, Outcome } from '../exchange.js'
import { keep, Kept, keptOf } from '../kept.js'
import type { Clock } from '../lib/clock.js'
import { hasMethods } from '../lib/has-methods.js'
import { redact } from '../lib/redact.js'
import type { Guard } from '../pipeline.js'
import type { RequestLog, RequestRecord } from './request-log.js'

/** Where it is noted what became of each request. */
export interface RequestLogOption {
  /**
   * Where it is noted what became of each request. Left out: nowhere. Of requests without a key,
   * which cost a stranger nothing, at most 10 are noted in any second.
   */
  requestLog?: RequestLog | undefined
}

/** What is given as `requestLog`. */
export const requestLogSchema = z.custom<RequestLog>(
  hasMethods('record', 'find'),
  'Give an object with record() and find()',
)

const guardName = 'request-log'
const strangersPerSecond = 10
const pathLength = 500
const modelLength = 200

/** The status of a request that nobody waited for, as nginx writes it. */
const clientLeftStatus = 499

/** One request while it runs. */
class Arrival extends Kept {
  readonly wallMs: number
  readonly monotonicMs: number
  /** Taken at once: a socket that is closed has no address any more. */
  readonly clientAddress: string | undefined

  constructor(guard: Guard, clock: Clock, clientAddress: string | undefined) {
    super(guard)
    this.wallMs = clock.wallMs()
    this.monotonicMs = clock.monotonicMs()
    this.clientAddress = clientAddress
  }
}

/**
 * Notes what became of each request. Stands before all other guards, so that it is left after them.
 *
 * Of requests without a key at most 10 are noted in any second: whoever floods a server with them
 * must not fill its log. Requests with a key are always noted.
 */
export function requestLogGuard(log: RequestLog, clock: Clock): Guard {
  const strangers = new RecentTimes(strangersPerSecond)
  const guard: Guard = {
    name: guardName,
    phase: 'head',
    enter(exchange) {
      keep(exchange, new Arrival(guard, clock, exchange.clientAddress))
    },
    leave(exchange, outcome) {
      const arrival = keptOf(exchange, Arrival, guard)
      if (arrival === undefined) return
      const nowMs = clock.monotonicMs()
      if (exchange.key === undefined && !strangers.take(nowMs)) return
      const record = recordOf(exchange, outcome, arrival, nowMs - arrival.monotonicMs)
      try {
        log.record(record)
      } catch (error) {
        exchange.report('what became of a request was not noted', error)
      }
    },
  }
  return guard
}

function recordOf(
  exchange: Exchange,
  { status, completed, error }: Outcome,
  { wallMs, clientAddress }: Arrival,
  durationMs: number,
): RequestRecord {
  const facts = exchange.facts()
  // What a framework would have answered with is no answer. Express says 200 here, and Koa 404.
  const isUnanswered = !exchange.raw.response.headersSent && error === undefined
  return {
    ...facts,
    path: facts.path.slice(0, pathLength),
    clientAddress,
    atMs: wallMs,
    durationMs,
    status: isUnanswered ? clientLeftStatus : status,
    completed,
    condition: error?.condition,
    passed: exchange.passedGuards().filter((name) => name !== guardName),
    refusedBy: exchange.refusedBy,
    model: exchange.model === undefined ? undefined : noteOf(exchange.model),
    limits: exchange.limits.map(({ rule, limit, remaining }) => ({ rule, limit, remaining })),
  }
}

/** A model's name as callers write it: with anything in it, keys and halves of characters too. */
function noteOf(model: string): string {
  return Buffer.from(redact(model).slice(0, modelLength)).toString()
}

/** Lets so many happen in any second. */
class RecentTimes {
  readonly #timesMs: number[]
  #oldest = 0

  constructor(perSecond: number) {
    this.#timesMs = Array.from({ length: perSecond }, () => -Infinity)
  }

  take(nowMs: number): boolean {
    const oldestMs = this.#timesMs[this.#oldest] ?? -Infinity
    if (nowMs - oldestMs < 1_000) return false
    this.#timesMs[this.#oldest] = nowMs
    this.#oldest = (this.#oldest + 1) % this.#timesMs.length
    return true
  }
}
