import { RateLimiterCompatibleAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import type { Clock } from '../lib/clock.js'
import { systemClock } from '../lib/clock.js'
import { checkOptions } from '../lib/options.js'
import type { BucketRate } from './bucket-rate.js'
import { bucketRate } from './bucket-rate.js'
import { costMs, fillMs, tokensAfter, toleranceMs, untilFullMs, waitFor } from './bucket-time.js'
import { TimeTable } from './time-table.js'
import type { TokenBucketOptions } from './token-bucket-options.js'
import { tokenBucketOptions } from './token-bucket-options.js'

/**
 * A token bucket for each key, in this process's memory, in the form of the generic cell rate
 * algorithm (ITU-T I.371, annex A): one number a key, no timer.
 *
 * **What is stored** is the monotonic time, in milliseconds, at which the bucket was empty, or will
 * be when it is in debt: since then it has been filling. A bucket that has had the time to fill is
 * forgotten. As the state is a time and no count, every call may bring a rate of its own, and a
 * key's rate may change: what counts as there is what the new rate would have let in since that
 * time, up to the new capacity. So an empty bucket stays empty and passes its next request after
 * one token's time at the new rate, half a minute's worth stays half a minute's worth, and a debt
 * lasts as long as it would have. Changing to and fro gains nothing.
 *
 * **Exactness.** Times are doubles. A take is off by less than a nanosecond during a process's
 * first 99 days, and the error goes when the bucket is full. To be free of it, a request passes
 * that is less than half a microsecond early; this does not add up, as the early part is still
 * owed. Waits are whole microseconds: waiting as long as was said is enough.
 *
 * The methods that return a promise are rate-limiter-flexible's contract, by the limiter's own rate
 * and clock. {@link wait}, {@link take} and {@link adjust} decide at once and take the time as a
 * parameter; it must be the same clock's monotonic time.
 *
 * @example
 * ```ts
 * const bucket = new TokenBucketMemory({ points: 60, burst: 10 })
 * const waitMs = bucket.take('key_1', 1, systemClock.monotonicMs())
 * if (waitMs > 0) refuse(waitMs)
 * ```
 */
export class TokenBucketMemory extends RateLimiterCompatibleAbstract {
  override readonly keyPrefix: string
  /** Part of the contract, set by a limiter this one stands in for. The bucket does not use it. */
  override blockDuration = 0
  /** Part of the contract, set by a limiter this one stands in for. The bucket does not use it. */
  override execEvenly = false
  /** The rate of every call that brings none. */
  readonly rate: BucketRate
  readonly #clock: Clock
  readonly #emptyAt: TimeTable
  #longestFillMs = 0

  /** @throws ConfigurationError when an option is missing, unknown or not a number it can be */
  constructor(options: TokenBucketOptions) {
    super()
    const checked = checkOptions(tokenBucketOptions, options, 'TokenBucketMemory')
    const { points, duration = 60, burst = points } = checked
    this.rate = bucketRate(points, duration, burst)
    this.keyPrefix = checked.keyPrefix ?? 'lazu'
    this.#clock = checked.clock ?? systemClock
    this.#emptyAt = new TimeTable(checked.maxKeys ?? 1_000_000)
  }

  /** How many keys are held: those whose bucket is not full, and some that have just become so. */
  get size(): number {
    return this.#emptyAt.size
  }

  /**
   * How long a request would have to wait, taking nothing.
   *
   * @param cost tokens, 0 or more
   * @returns 0 when it would pass now, else milliseconds; Infinity when the cost is more than the
   *   bucket holds, or the key is blocked for ever
   * @throws RangeError when the cost is negative or not a number
   */
  wait(key: string, cost: number, nowMs: number, rate: BucketRate = this.rate): number {
    if (!(cost >= 0)) throw badTokens(cost)
    if (cost > rate.capacity) return Infinity
    return waitFor(this.emptyAtMs(key, nowMs, rate) + costMs(cost, rate) - nowMs)
  }

  /** As {@link wait}, and takes the tokens when the answer is 0. A refusal takes nothing. */
  take(key: string, cost: number, nowMs: number, rate: BucketRate = this.rate): number {
    if (!(cost >= 0)) throw badTokens(cost)
    if (cost > rate.capacity) return Infinity
    const place = this.#emptyAt.find(key)
    const emptyAtMs = this.#emptySince(place, nowMs, rate) + costMs(cost, rate)
    const waitMs = waitFor(emptyAtMs - nowMs)
    if (waitMs === 0 && cost > 0) this.#write(place, key, emptyAtMs, nowMs, rate)
    return waitMs
  }

  /**
   * Corrects what was taken, when the true cost is known.
   *
   * @param delta tokens: above 0 takes them whether they are there or not, and may leave a debt;
   *   below 0 gives back, never to more than a full bucket
   * @throws RangeError when `delta` is not a finite number
   */
  adjust(key: string, delta: number, nowMs: number, rate: BucketRate = this.rate): void {
    if (!Number.isFinite(delta)) throw badTokens(delta)
    const place = this.#emptyAt.find(key)
    const emptyAtMs = this.#emptySince(place, nowMs, rate) + costMs(delta, rate)
    if (emptyAtMs > nowMs - fillMs(rate)) this.#write(place, key, emptyAtMs, nowMs, rate)
    else this.#emptyAt.delete(place)
  }

  /** The whole tokens that are there, 0 while there is a debt. So many would pass at once. */
  remaining(key: string, nowMs: number, rate: BucketRate = this.rate): number {
    return tokensAfter(nowMs - this.emptyAtMs(key, nowMs, rate), rate)
  }

  /** Milliseconds until the bucket is full again; 0 when it is, Infinity when blocked for ever. */
  fullInMs(key: string, nowMs: number, rate: BucketRate = this.rate): number {
    return untilFullMs(this.emptyAtMs(key, nowMs, rate), nowMs, rate)
  }

  /**
   * When the bucket was empty, or will be, on the clock of `nowMs`: all else follows from it. Of a
   * full one it is the time it takes to fill before now.
   */
  emptyAtMs(key: string, nowMs: number, rate: BucketRate = this.rate): number {
    return this.#emptySince(this.#emptyAt.find(key), nowMs, rate)
  }

  /**
   * Takes `points` tokens, or none.
   *
   * @returns resolves when they were taken, with `msBeforeNext` until one more token is there (0
   *   when one is). Rejects with a RateLimiterRes when they were not, with `msBeforeNext` until
   *   they would be: whole milliseconds, Infinity when the bucket could never hold as many. Rejects
   *   with a RangeError when `points` is not a whole number from 0
   */
  override consume(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    if (!isWhole(points)) return Promise.reject(badPoints(points))
    const name = String(key)
    const nowMs = this.#clock.monotonicMs()
    const wasFull = this.#isFull(name, nowMs)
    const waitMs = this.take(name, points, nowMs)
    if (waitMs === 0) return Promise.resolve(this.#state(name, nowMs, wasFull))
    // The contract: a refusal is a rejection, and no Error.
    return Promise.reject(this.#state(name, nowMs, wasFull, waitMs))
  }

  /** Takes `points` tokens, there or not. Rejects with a RangeError when they are no whole number. */
  override penalty(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    if (!isWhole(points)) return Promise.reject(badPoints(points))
    return this.#adjusted(String(key), points)
  }

  /** Gives `points` tokens back, never to more than full: a fresh key gains nothing. */
  override reward(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    if (!isWhole(points)) return Promise.reject(badPoints(points))
    return this.#adjusted(String(key), -points)
  }

  /** Where the key stands; null when its bucket is full. */
  override get(key: string | number): Promise<RateLimiterRes | null> {
    const name = String(key)
    const nowMs = this.#clock.monotonicMs()
    return Promise.resolve(this.#isFull(name, nowMs) ? null : this.#state(name, nowMs, false))
  }

  /**
   * Makes it so that `points` tokens have been taken from a full bucket. They flow back at the
   * bucket's rate as always, which is why the contract's second duration says nothing here.
   */
  override set(key: string | number, points: number): Promise<RateLimiterRes> {
    if (!isWhole(points)) return Promise.reject(badPoints(points))
    const name = String(key)
    this.#emptyAt.delete(this.#emptyAt.find(name))
    return this.#adjusted(name, points)
  }

  /**
   * Lets nothing of the key pass for so many seconds, for ever when 0. Then its first token is
   * there. It never makes a wait shorter; {@link delete} lifts it.
   *
   * It goes by the limiter's own rate; with another, that first token is there a little earlier or
   * later, by the difference between one token's time and the other's.
   */
  override block(key: string | number, seconds: number): Promise<RateLimiterRes> {
    if (!(seconds >= 0 && seconds < Infinity)) {
      return Promise.reject(new RangeError(`not a number of seconds from 0: ${seconds}`))
    }
    const name = String(key)
    const nowMs = this.#clock.monotonicMs()
    const blockMs = seconds === 0 ? Infinity : seconds * 1000
    const emptyAtMs = nowMs + blockMs - this.rate.msPerToken
    const place = this.#emptyAt.find(name)
    this.#write(place, name, Math.max(this.#emptyAt.timeAt(place), emptyAtMs), nowMs, this.rate)
    return Promise.resolve(this.#state(name, nowMs, false))
  }

  /** Makes the key's bucket full. Resolves to whether it was not. */
  override delete(key: string | number): Promise<boolean> {
    const name = String(key)
    const wasFull = this.#isFull(name, this.#clock.monotonicMs())
    this.#emptyAt.delete(this.#emptyAt.find(name))
    return Promise.resolve(!wasFull)
  }

  /** Since when the bucket has been filling from empty; later than now when it is in debt. */
  #emptySince(place: number, nowMs: number, rate: BucketRate): number {
    return Math.max(this.#emptyAt.timeAt(place), nowMs - fillMs(rate))
  }

  #isFull(key: string, nowMs: number): boolean {
    return this.#emptyAt.timeAt(this.#emptyAt.find(key)) <= nowMs - fillMs(this.rate)
  }

  #write(place: number, key: string, emptyAtMs: number, nowMs: number, rate: BucketRate): void {
    // An entry does not tell its rate, so it is kept until the slowest bucket seen would be full.
    this.#longestFillMs = Math.max(this.#longestFillMs, fillMs(rate))
    this.#emptyAt.set(place, key, emptyAtMs, nowMs - this.#longestFillMs)
  }

  #adjusted(name: string, delta: number): Promise<RateLimiterRes> {
    const nowMs = this.#clock.monotonicMs()
    const wasFull = this.#isFull(name, nowMs)
    this.adjust(name, delta, nowMs)
    return Promise.resolve(this.#state(name, nowMs, wasFull))
  }

  #state(
    name: string,
    nowMs: number,
    wasFull: boolean,
    waitMs: number = this.wait(name, 1, nowMs),
  ): RateLimiterRes {
    const { capacity, msPerToken } = this.rate
    const thereMs = nowMs - this.emptyAtMs(name, nowMs)
    const consumed = capacity - Math.floor((thereMs + toleranceMs) / msPerToken)
    return new RateLimiterRes(this.remaining(name, nowMs), Math.ceil(waitMs), consumed, wasFull)
  }
}

function isWhole(points: number): boolean {
  return Number.isSafeInteger(points) && points >= 0
}

function badPoints(points: number): RangeError {
  return new RangeError(`not a whole number of points from 0: ${points}`)
}

function badTokens(tokens: number): RangeError {
  return new RangeError(`not a number of tokens: ${tokens}`)
}
