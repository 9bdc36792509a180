import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange, Outcome } from '../exchange.js'
import type { Clock, Timer } from '../lib/clock.js'
import { durationMs, type Duration } from '../lib/duration.js'
import { isPromise } from '../lib/when-done.js'
import type { Guard } from '../pipeline.js'
import { costMicros, dearestCostMicros } from '../quota/cost.js'
import type {
  ChargedTokens,
  Ledger,
  Reservation,
  ReserveRequest,
  Settled,
} from '../quota/ledger.js'
import { createPriceList, pricesSchema, type Price, type Prices } from '../quota/price.js'
import type { Estimate } from '../quota/usage.js'
import { hasMethods } from '../lib/has-methods.js'
import { estimateOf } from './estimate-of.js'
import { requestedModel } from './json-body.js'

/** How requests are paid for. */
export interface QuotaOptions {
  /** Where the money is. */
  ledger: Ledger
  /** What each model costs. */
  prices: Prices
  /**
   * What a stream that broke off without a usage costs: `nothing` (unless given), or `observed`,
   * what was sent and seen.
   */
  brokenStream?: 'nothing' | 'observed' | undefined
  /**
   * How long a reservation outlives a server that died; '60s' unless given. A running request
   * extends its own.
   */
  reservationTtl?: Duration | undefined
}

/** The members of QuotaOptions. */
export const quotaShape = {
  ledger: z.custom<Ledger>(
    hasMethods('reserve', 'settle', 'release', 'extend', 'balance', 'credit'),
    'Give a ledger, new MemoryLedger() for instance',
  ),
  prices: pricesSchema,
  brokenStream: z.enum(['nothing', 'observed']).optional(),
  reservationTtl: z.union([z.number(), z.string()]).optional(),
}

/** What the quota guard stands on beside its options. */
export interface QuotaParts {
  readonly clock: Clock
  readonly events: Events | undefined
  readonly defaultOutputTokens: number
}

/** One request's reservation while it runs. */
interface Hold {
  readonly reservation: Reservation
  readonly prices: readonly Price[]
  readonly estimate: Estimate
  /** What the connection had sent before. */
  readonly bytesBefore: number | undefined
}

/** What a request is charged. */
interface Due {
  readonly amount: number
  readonly tokens: ChargedTokens | undefined
}

/**
 * Holds what a request may cost, and charges what it did cost when its response is over.
 *
 * | outcome | charge |
 * |---|---|
 * | the handler called `charge()` | that |
 * | 2xx, no usage | the estimate, of what was sent and seen |
 * | a stream that broke off, no usage | nothing (or what was observed: `brokenStream`) |
 * | 4xx, 5xx, timeout, network | nothing |
 *
 * A ledger that fails to reserve is answered with `gateway_overloaded`.
 *
 * @throws ConfigurationError for a price or a duration that is none
 */
export function quotaGuard(options: QuotaOptions, parts: QuotaParts, path: string): Guard {
  const { ledger, brokenStream = 'nothing' } = options
  const prices = createPriceList(options.prices)
  const ttlMs = durationMs(options.reservationTtl ?? '60s', `${path}.reservationTtl`)
  const holds = new Map<Exchange, Hold>()
  let extending: Timer | undefined

  /** One timer for all that run, at a third of their time, and none when nothing runs. */
  function keepExtending(): void {
    extending ??= parts.clock.after(ttlMs / 3, () => {
      extending = undefined
      for (const [exchange, { reservation }] of holds) extend(exchange, reservation.id)
      if (holds.size > 0) keepExtending()
    })
  }

  function extend(exchange: Exchange, id: string): void {
    try {
      const extended = ledger.extend(id, ttlMs)
      if (isPromise(extended)) {
        void extended.then(undefined, (error: unknown) =>
          exchange.report('a reservation was not extended', error),
        )
      }
    } catch (error) {
      exchange.report('a reservation was not extended', error)
    }
  }

  function hold(
    exchange: Exchange,
    reservation: Reservation,
    rest: Omit<Hold, 'reservation'>,
  ): void {
    exchange.reservation = reservation
    holds.set(exchange, { reservation, ...rest })
    keepExtending()
  }

  /** Undefined when nothing is. */
  function dueFor(exchange: Exchange, held: Hold, outcome: Outcome): Due | undefined {
    const { charged } = exchange
    if (charged !== undefined) {
      if ('micros' in charged) return { amount: charged.micros, tokens: undefined }
      const amount = dearest(held.prices, (price) => costMicros(price, charged))
      return { amount, tokens: charged }
    }
    if (outcome.status >= 300) return undefined
    const broken = !outcome.completed || outcome.error !== undefined
    if (broken && brokenStream === 'nothing') return undefined
    const tokens = seen(exchange, held)
    const amount = dearestCostMicros(held.prices, tokens)
    return amount === 0 ? undefined : { amount, tokens }
  }

  function settled(exchange: Exchange, held: Hold, end: Settled | undefined): void {
    if (end === undefined || parts.events?.has('settled') !== true) return
    parts.events.emit('settled', {
      ...exchange.facts(),
      ...end,
      reserved: held.reservation.amount,
      model: exchange.model,
    })
  }

  return {
    name: 'quota',
    phase: 'body',
    enter(exchange) {
      const model = requestedModel(exchange)
      if (model === undefined) return
      const { key } = exchange
      if (key === undefined) throw new GatewayError('api_key_missing')
      const estimate = estimateOf(exchange, parts.defaultOutputTokens)
      if (estimate === undefined) return
      const mayApply = prices.pricesFor(model, key.lane)
      if (mayApply.length === 0) {
        throw new GatewayError('pricing_not_configured', { param: 'model' })
      }
      const rest = { prices: mayApply, estimate, bytesBefore: bytesSent(exchange) }
      const request: ReserveRequest = {
        id: exchange.requestId,
        account: key.account,
        key: key.id,
        amount: dearestCostMicros(mayApply, estimate),
        caps: key.caps,
        ttlMs,
        model,
      }
      let reserved: Reservation | Promise<Reservation>
      try {
        reserved = ledger.reserve(request)
      } catch (error) {
        throw reserveError(error)
      }
      if (isPromise(reserved)) {
        return reserved.then(
          (reservation) => hold(exchange, reservation, rest),
          (error: unknown) => {
            throw reserveError(error)
          },
        )
      }
      hold(exchange, reserved, rest)
    },
    leave(exchange, outcome) {
      const held = holds.get(exchange)
      if (held === undefined) return
      holds.delete(exchange)
      if (holds.size === 0) {
        extending?.cancel()
        extending = undefined
      }
      const due = dueFor(exchange, held, outcome)
      const { id } = held.reservation
      const ended =
        due === undefined ? ledger.release(id) : ledger.settle(id, due.amount, due.tokens)
      if (isPromise(ended)) return ended.then((end) => settled(exchange, held, end))
      settled(exchange, held, ended)
    },
  }
}

/**
 * What to answer when a ledger did not reserve: its refusal, or that it cannot be used now. A
 * RangeError is a mistake in what it was asked, which trying again does not mend.
 */
function reserveError(error: unknown): unknown {
  if (error instanceof RangeError) return error
  if (GatewayError.is(error)) {
    const { condition } = error
    if (condition !== 'store_read_failed' && condition !== 'store_write_failed') return error
  }
  return new GatewayError('gateway_overloaded', { cause: error })
}

function dearest(prices: readonly Price[], costOf: (price: Price) => number): number {
  let most = 0
  for (const price of prices) most = Math.max(most, costOf(price))
  return most
}

/** Bytes of a response that are taken for a token: as many as the estimate of the input goes by. */
const bytesPerToken = 3

/**
 * What a request without a reported usage is taken to have used: the input that was sent, and as
 * much output as the bytes of its response can hold, headers and framing included, up to its cap.
 */
function seen(exchange: Exchange, held: Hold): Estimate {
  const { estimate, bytesBefore } = held
  const bytesAfter = bytesSent(exchange)
  if (bytesBefore === undefined || bytesAfter === undefined) return estimate
  const outputTokens = Math.ceil(Math.max(0, bytesAfter - bytesBefore) / bytesPerToken)
  return { ...estimate, outputTokens: Math.min(estimate.outputTokens, outputTokens) }
}

/** All that was ever written to the request's connection. */
function bytesSent(exchange: Exchange): number | undefined {
  const { bytesWritten } = exchange.raw.request.socket
  return typeof bytesWritten === 'number' ? bytesWritten : undefined
}
