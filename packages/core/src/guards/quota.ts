import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import type { Events } from '../events.js'
import type { Exchange } from '../exchange.js'
import type { Clock } from '../lib/clock.js'
import { durationMs, type Duration } from '../lib/duration.js'
import { hasMethods } from '../lib/has-methods.js'
import type { Logger } from '../lib/logger.js'
import { isPromise } from '../lib/when-done.js'
import type { Guard } from '../pipeline.js'
import { dearestCostMicros } from '../quota/cost.js'
import { Extender } from '../quota/extender.js'
import { bytesSent, dueFor, type Hold } from '../quota/hold.js'
import type { Ledger, Reservation, ReserveRequest } from '../quota/ledger.js'
import { createPriceList, pricesSchema, type Prices } from '../quota/price.js'
import { Settlements } from '../quota/settlements.js'
import { isStoreFailure, StoreUnavailableError } from '../stores/store-errors.js'
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
  const holds = new Map<Exchange, Hold>()
  const extender = new Extender({ ledger, calls, clock: parts.clock, ttlMs, holds })

  function hold(exchange: Exchange, held: Hold): void {
    holds.set(exchange, held)
    extender.began()
  }

  function reserved(exchange: Exchange, asked: Asked, reservation: Reservation): void {
    exchange.reservation = reservation
    hold(exchange, { ...asked, reserved: reservation.amount, mayBeReserved: false })
  }

  /** @param waited whether the ledger failed later, so that it may have reserved all the same */
  function notReserved(exchange: Exchange, asked: Asked, error: unknown, waited: boolean): void {
    if (!isStoreFailure(error)) throw error
    exchange.announceDegraded(calls.name)
    const mayBeReserved = waited && !(error instanceof StoreUnavailableError)
    const held = { ...asked, reserved: undefined, mayBeReserved }
    if (whenLedgerFails === 'open') {
      hold(exchange, held)
      return
    }
    if (mayBeReserved) settlements.keep(exchange, held, undefined)
    throw overloaded(error)
  }

  /** The prices of the lane that served, where it has any. */
  function pricesIn(lane: string | undefined, { request, prices: mayApply }: Hold): Hold['prices'] {
    if (lane === undefined || request.model === undefined) return mayApply
    const ofLane = prices.pricesFor(request.model, lane)
    return ofLane.length > 0 ? ofLane : mayApply
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
      const request: ReserveRequest = {
        id: exchange.requestId,
        account: key.account,
        key: key.id,
        amount: dearestCostMicros(mayApply, estimate),
        caps: key.caps,
        ttlMs,
        model,
      }
      const asked = { request, prices: mayApply, estimate, bytesBefore: bytesSent(exchange) }
      let reservation: Reservation | Promise<Reservation>
      try {
        reservation = calls.run(() => ledger.reserve(request))
      } catch (error) {
        notReserved(exchange, asked, error, false)
        return
      }
      if (isPromise(reservation)) {
        return reservation.then(
          (made) => reserved(exchange, asked, made),
          (error: unknown) => notReserved(exchange, asked, error, true),
        )
      }
      reserved(exchange, asked, reservation)
    },
    leave(exchange, outcome) {
      const held = holds.get(exchange)
      if (held === undefined) return
      holds.delete(exchange)
      extender.ended(exchange)
      const applied = pricesIn(exchange.lane, held)
      const due = dueFor(exchange, held, applied, outcome, brokenStream === 'observed')
      settlements.end(exchange, held, due)
    },
  }
}

/** A request whose reservation was asked for. */
type Asked = Omit<Hold, 'reserved' | 'mayBeReserved'>

/** What to answer when a ledger failed to reserve: what it says of itself, or that it is away. */
function overloaded(error: unknown): GatewayError {
  if (GatewayError.is(error) && error.condition === 'gateway_overloaded') return error
  return new GatewayError('gateway_overloaded', { cause: error })
}
