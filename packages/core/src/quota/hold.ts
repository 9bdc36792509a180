import type { Exchange, Outcome } from '../exchange.js'
import { Kept } from '../kept.js'
import { costMicros, dearestCostMicros } from './cost.js'
import type { Expiring } from './expiry-queue.js'
import type { ChargedTokens, ReserveRequest } from './ledger.js'
import type { Price } from './price.js'
import { tokensOfBytes, withSeenOutput } from './seen-output.js'
import type { Estimate, Usage } from './usage.js'

/** What is held for one request. */
export interface Hold {
  readonly request: ReserveRequest
  /** What the ledger holds; undefined when the request was let through without. */
  readonly reserved: number | undefined
  /** Whether the ledger may hold it all the same, as it was asked and did not say. */
  readonly mayBeReserved: boolean
  /** What it was asked, when the time for an answer was over and none had come. */
  readonly late: Promise<unknown> | undefined
  /** The prices that may apply. */
  readonly prices: readonly Price[]
  readonly estimate: Estimate
  /** What the connection had sent before. */
  readonly bytesBefore: number | undefined
}

/** The same while the request runs. */
export class RunningHold extends Kept implements Hold, Expiring {
  readonly exchange: Exchange
  readonly request: ReserveRequest
  readonly prices: readonly Price[]
  readonly estimate: Estimate
  readonly bytesBefore: number | undefined
  reserved: number | undefined
  mayBeReserved = false
  late: Promise<unknown> | undefined
  isRunning = true
  /** When the reservation expires, as far as it is known; the extender's own, as those below. */
  expiresAtMs = 0
  place = 0
  /** Whether the last try to extend it failed. */
  isNotExtended = false

  /** @param guard whose it is */
  constructor(
    guard: object,
    exchange: Exchange,
    request: ReserveRequest,
    prices: readonly Price[],
    estimate: Estimate,
  ) {
    super(guard)
    this.exchange = exchange
    this.request = request
    this.prices = prices
    this.estimate = estimate
    this.bytesBefore = bytesSent(exchange)
  }
}

/** What a request is charged. */
export interface Due {
  readonly amount: number
  readonly tokens: ChargedTokens | undefined
}

/** The prices of a lane, for the request's model or another one. */
export type PricesOf = (
  exchange: Exchange,
  held: Hold,
  lane?: string,
  model?: string,
) => readonly Price[]

/**
 * What a request that is over is charged; undefined when nothing is.
 *
 * @param pricesOf of several prices the dearest counts
 * @param chargesBroken whether a stream that broke off without a usage costs what was observed
 */
export function dueFor(
  exchange: Exchange,
  held: Hold,
  pricesOf: PricesOf,
  outcome: Outcome,
  chargesBroken: boolean,
): Due | undefined {
  const { charged } = exchange
  if (charged !== undefined) {
    if ('micros' in charged) return { amount: charged.micros, tokens: undefined }
    return { amount: amountFor(charged, exchange, held, pricesOf), tokens: charged }
  }
  if (outcome.status >= 300) return undefined
  const broken = !outcome.completed || outcome.error !== undefined
  if (broken && !chargesBroken) return undefined
  const tokens = seen(exchange, held)
  const amount = dearestCostMicros(pricesOf(exchange, held, exchange.lane), tokens)
  return amount === 0 ? undefined : { amount, tokens }
}

function amountFor(usage: Usage, exchange: Exchange, held: Hold, pricesOf: PricesOf): number {
  const { relayed, lane } = exchange
  if (relayed === undefined) return dearest(pricesOf(exchange, held, lane), usage, 1)
  let amount = 0
  // The price of a call is that of the request, however many a handler makes for it.
  let calls = 1
  for (const one of relayed) {
    amount += dearest(pricesOf(exchange, held, one.lane, one.model), one.usage, calls)
    calls = 0
  }
  return amount
}

function dearest(prices: readonly Price[], usage: Usage, calls: number): number {
  let most = 0
  for (const price of prices) most = Math.max(most, costMicros(price, usage, calls))
  return most
}

/**
 * What a request without a reported usage is taken to have used: the input that was sent, and as
 * much output as a relay has seen, or as the bytes of its response can hold, headers and framing
 * included, up to its cap.
 */
function seen(exchange: Exchange, held: Hold): Estimate {
  const { estimate, bytesBefore } = held
  const { observedOutputTokens } = exchange
  if (observedOutputTokens !== undefined) return withSeenOutput(estimate, observedOutputTokens)
  const bytesAfter = bytesSent(exchange)
  if (bytesBefore === undefined || bytesAfter === undefined) return estimate
  return withSeenOutput(estimate, tokensOfBytes(Math.max(0, bytesAfter - bytesBefore)))
}

/** All that was ever written to the request's connection. */
function bytesSent(exchange: Exchange): number | undefined {
  const { bytesWritten } = exchange.raw.request.socket
  return typeof bytesWritten === 'number' ? bytesWritten : undefined
}
