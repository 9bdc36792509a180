import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange } from '../exchange.js'
import { keep, keptOf } from '../kept.js'
import type { Clock } from '../lib/clock.js'
import { durationMs, type Duration } from '../lib/duration.js'
import { hasMethods } from '../lib/has-methods.js'
import type { Logger } from '../lib/logger.js'
import { isPromise } from '../lib/when-done.js'
import type { Guard } from '../pipeline.js'
import { dearestCostMicros } from '../quota/cost.js'
import { Extender } from '../quota/extender.js'
import { dueFor, RunningHold, type Hold } from '../quota/hold.js'
import type { Ledger, Reservation, ReserveRequest } from '../quota/ledger.js'
import { createPriceList, pricesSchema, type Prices } from '../quota/price.js'
import { Settlements } from '../quota/settlements.js'
import { isStoreFailure, mayBeDone, StoreDeadlineError } from '../stores/store-errors.js'
import type { Stores } from '../stores/stores.js'
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
  /**
   * What becomes of a request while the ledger fails. `closed` (unless given): 503. `open`: it is let
   * through without a reservation, and charged when the ledger is back. What the balance or a cap
   * does not cover then is told by the event `unsettled`.
   */
  whenLedgerFails?: 'closed' | 'open' | undefined
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
  whenLedgerFails: z.enum(['closed', 'open']).optional(),
}

/** What the quota guard stands on beside its options. */
export interface QuotaParts {
  readonly clock: Clock
  readonly events: Events | undefined
  readonly logger: Logger | undefined
  readonly stores: Stores
  readonly defaultOutputTokens: number
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
 * A ledger that fails to reserve is answered with `gateway_overloaded`, unless `whenLedgerFails` is
 * `open`. One that fails to charge is told again until it does.
 *
 * @throws ConfigurationError for a price or a duration that is none
 */
export function quotaGuard(options: QuotaOptions, parts: QuotaParts, path: string): Guard {
  const { ledger, brokenStream = 'nothing', whenLedgerFails = 'closed' } = options
  const prices = createPriceList(options.prices)
  const ttlMs = durationMs(options.reservationTtl ?? '60s', `${path}.reservationTtl`)
  const calls = parts.stores.callsOf('ledger', ledger)
  const settlements = new Settlements({ ...parts, ledger, calls })
  parts.stores.settles(settlements)
  const extender = new Extender({ ledger, calls, clock: parts.clock, ttlMs })

  function reserved(held: RunningHold, reservation: Reservation): void {
    held.exchange.reservation = reservation
    held.reserved = reservation.amount
    keep(held.exchange, held)
    extender.began(held)
  }

  /** @param asked what was waited for, and may be done all the same */
  function notReserved(held: RunningHold, error: unknown, asked?: Promise<unknown>): void {
    if (!isStoreFailure(error)) throw error
    const { exchange } = held
    exchange.announceDegraded(calls.name)
    held.mayBeReserved = asked !== undefined && mayBeDone(error)
    if (error instanceof StoreDeadlineError) held.late = asked
    if (whenLedgerFails === 'open') {
      keep(exchange, held)
      return
    }
    settlements.releaseUnknown(exchange, held)
    throw overloaded(error)
  }

  /** The prices of the lane and the model that served, where they have any. */
  function pricesOf(exchange: Exchange, held: Hold, lane?: string, model?: string): Hold['prices'] {
    const { request, prices: mayApply } = held
    const isOther = model !== undefined && model !== request.model
    const ofOther = isOther ? prices.pricesFor(model, lane ?? exchange.key?.lane) : []
    if (ofOther.length > 0) return ofOther
    if (lane === undefined || request.model === undefined) return mayApply
    const ofLane = prices.pricesFor(request.model, lane)
    return ofLane.length > 0 ? ofLane : mayApply
  }

  const guard: Guard = {
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
      const request: ReserveRequest = {
        id: exchange.requestId,
        account: key.account,
        key: key.id,
        amount: dearestCostMicros(mayApply, estimate),
        caps: key.caps,
        ttlMs,
        model,
      }
      const held = new RunningHold(guard, exchange, request, mayApply, estimate)
      let asked: Reservation | Promise<Reservation> | undefined
      let reservation: Reservation | Promise<Reservation>
      try {
        reservation = calls.run(() => (asked = ledger.reserve(request)))
      } catch (error) {
        notReserved(held, error)
        return
      }
      if (isPromise(reservation)) {
        return reservation.then(
          (made) => reserved(held, made),
          (error: unknown) => notReserved(held, error, isPromise(asked) ? asked : undefined),
        )
      }
      reserved(held, reservation)
    },
    leave(exchange, outcome) {
      const held = keptOf(exchange, RunningHold, guard)
      if (held === undefined) return
      held.isRunning = false
      if (held.reserved !== undefined) extender.ended(held)
      const due = dueFor(exchange, held, pricesOf, outcome, brokenStream === 'observed')
      settlements.end(exchange, held, due)
    },
  }
  return guard
}

/** What to answer when a ledger failed to reserve: what it says of itself, or that it is away. */
function overloaded(error: unknown): GatewayError {
  if (GatewayError.is(error) && error.condition === 'gateway_overloaded') return error
  return new GatewayError('gateway_overloaded', { cause: error })
}
