import { RateLimiterCompatibleAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { BucketState } from './bucket-state.js'
import type { Collector } from './collector.js'
import type { Change, LimitCommands } from './limit-commands.js'
import { isWhole, microRate, type BucketLimit, type MicroRate } from './micro-rate.js'
import { collectTakes, type Take, type TakeAnswer } from './takes.js'

/** What a TokenBucketRedis is made of. */
export interface TokenBucketRedisParts {
  readonly commands: LimitCommands
  readonly limit: BucketLimit
  readonly keyPrefix: string
}

/**
 * A token bucket for each key, in Redis or Valkey, shared by any number of processes. It is on
 * rate-limiter-flexible's contract, and can stand wherever one of its limiters can.
 *
 * Each decision is one script, so that it is exact whoever else decides at the same time: what passes
 * is never more than the burst and what flowed in. What one process has to decide at the same moment
 * shares a script. Time is the server's; a process whose clock is wrong decides as all others do. A
 * refusal writes nothing. A bucket that is full is not kept, and Redis removes it by itself.
 *
 * Every method rejects with a GatewayError `store_write_failed` when Redis cannot be asked. One that
 * was given up may run later all the same, and takes then.
 */
export class TokenBucketRedis extends RateLimiterCompatibleAbstract {
  override readonly keyPrefix: string
  /** Part of the contract, set by a limiter this one stands in for. The bucket does not use it. */
  override blockDuration = 0
  /** Part of the contract, set by a limiter this one stands in for. The bucket does not use it. */
  override execEvenly = false
  /** Whole tokens that flow in during `duration`. */
  readonly points: number
  /** Seconds. */
  readonly duration: number
  /** Whole tokens the bucket holds. */
  readonly burst: number
  /** That a refusal takes nothing, unlike those of rate-limiter-flexible's own limiters. */
  readonly takesOnRefusal = false
  readonly #rate: MicroRate
  readonly #capacity: string
  readonly #commands: LimitCommands
  readonly #takes: Collector<Take, TakeAnswer>

  /** Made by `redisLimiter`. */
  constructor({ commands, keyPrefix, limit }: TokenBucketRedisParts) {
    super()
    this.keyPrefix = keyPrefix
    this.points = limit.points
    this.duration = limit.duration ?? 60
    this.burst = limit.burst ?? limit.points
    this.#rate = microRate(limit)
    this.#capacity = String(this.#rate.capacityMicros)
    this.#commands = commands
    this.#takes = collectTakes(commands)
  }

  /**
   * Takes `points` tokens, or none.
   *
   * @returns resolves when they were taken, with `msBeforeNext` until one more token is there (0
   *   when one is). Rejects with a RateLimiterRes when they were not, with `msBeforeNext` until
   *   they would be: whole milliseconds, Infinity when the bucket could never hold as many. Rejects
   *   with a RangeError when `points` is not a whole number from 0
   */
  override async consume(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    const costMicros = this.#costMicros(points)
    const { passes, before } = await this.#take(key, costMicros)
    if (passes) return this.#answer(before + costMicros, before === 0)
    const waitMs = new BucketState(this.#rate, before).waitMs(points)
    // The contract: a refusal is a rejection, and no Error.
    return Promise.reject(this.#answer(before, before === 0, waitMs))
  }

  /** Takes `points` tokens, there or not. Rejects with a RangeError when they are no whole number. */
  override async penalty(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    return this.#change(key, 'add', this.#costMicros(points))
  }

  /** Gives `points` tokens back, never to more than full: a fresh key gains nothing. */
  override async reward(key: string | number, points: number = 1): Promise<RateLimiterRes> {
    return this.#change(key, 'add', -this.#costMicros(points))
  }

  /** Where the key stands; null when its bucket is full. */
  override async get(key: string | number): Promise<RateLimiterRes | null> {
    const { before: missing } = await this.#take(key, 0)
    return missing === 0 ? null : this.#answer(missing, false)
  }

  /**
   * Makes it so that `points` tokens have been taken from a full bucket. They flow back at the
   * bucket's rate as always, which is why the contract's second duration says nothing here.
   */
  override async set(key: string | number, points: number): Promise<RateLimiterRes> {
    return this.#change(key, 'exactly', this.#costMicros(points))
  }

  /**
   * Lets nothing of the key pass for so many seconds (a century at most), for ever when 0. Then its
   * first token is there. It never makes a wait shorter; {@link delete} lifts it. Rejects with a
   * RangeError for what is no number of seconds.
   */
  override async block(key: string | number, seconds: number): Promise<RateLimiterRes> {
    if (!(seconds >= 0 && seconds < Infinity)) {
      throw new RangeError(`not a number of seconds from 0: ${seconds}`)
    }
    const { capacityMicros, microsOf } = this.#rate
    const blockMicros = seconds === 0 ? Infinity : seconds * 1_000_000
    return this.#change(key, 'least', blockMicros + capacityMicros - microsOf(1))
  }

  /** Makes the key's bucket full. Resolves to whether it was not. */
  override async delete(key: string | number): Promise<boolean> {
    const { before } = await this.#changed(key, 'exactly', 0)
    return before > 0
  }

  /** @throws RangeError for points that are no whole number from 0 */
  #costMicros(points: number): number {
    if (!isWhole(points)) throw new RangeError(`not a whole number of points from 0: ${points}`)
    return this.#rate.microsOf(points)
  }

  async #take(
    key: string | number,
    costMicros: number,
  ): Promise<{ passes: boolean; before: number }> {
    const args = [String(costMicros), this.#capacity]
    const fillMs = this.#rate.capacityMicros / 1_000
    const names = [this.#nameOf(key)] as const
    const [passes, before = 0] = await this.#takes.add({ names, letters: 'b', args, fillMs })
    return { passes: passes === 1, before }
  }

  async #change(
    key: string | number,
    change: Change,
    givenMicros: number,
  ): Promise<RateLimiterRes> {
    const { before, now } = await this.#changed(key, change, givenMicros)
    return this.#answer(now, before === 0)
  }

  #changed(
    key: string | number,
    change: Change,
    givenMicros: number,
  ): Promise<{ before: number; now: number }> {
    const given = givenMicros === Infinity ? 'inf' : String(givenMicros)
    return this.#commands.change([this.#nameOf(key)], change, [given, this.#capacity])
  }

  #nameOf(key: string | number): string {
    return `{${this.keyPrefix}:limit}:${key}`
  }

  #answer(missingMicros: number, wasFull: boolean, refusedForMs?: number): RateLimiterRes {
    const state = new BucketState(this.#rate, missingMicros)
    const waitMs = refusedForMs ?? state.waitMs(1)
    return new RateLimiterRes(state.remaining, Math.ceil(waitMs), state.consumed, wasFull)
  }
}
