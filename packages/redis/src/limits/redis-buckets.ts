import type { Clock } from '@lazu/core'
import { list } from '../answer.js'
import type { RedisClient } from '../clients/redis-client.js'
import { failingAs } from '../failures.js'
import { changeScript, takeScript } from '../scripts/bucket-scripts.js'
import { evalScript } from '../scripts/script.js'

/** What buckets in Redis stand on. */
export interface RedisBucketsParts {
  readonly client: RedisClient
  /** What the names of all buckets begin with. */
  readonly prefix: string
  readonly clock: Clock | undefined
}

/** What is taken from one bucket, in microseconds of its rate. */
export interface MicroTake {
  readonly key: string
  readonly costMicros: number
  readonly capacityMicros: number
}

/** Whether all was taken, and what was missing from each bucket before. */
export interface MicroTaken {
  readonly passes: boolean
  readonly missingBefore: readonly number[]
}

/** How {@link RedisBuckets.change} changes what is missing from a bucket. */
export type Change = 'add' | 'exactly' | 'least'

/** The buckets in Redis, as what is missing from each, in microseconds until it is full. */
export class RedisBuckets {
  readonly #client: RedisClient
  readonly #prefix: string
  readonly #clock: Clock | undefined

  constructor({ client, prefix, clock }: RedisBucketsParts) {
    this.#client = client
    this.#prefix = prefix
    this.#clock = clock
  }

  /**
   * Takes from all buckets, or from none.
   *
   * @throws GatewayError `store_write_failed`
   */
  async take(first: MicroTake, ...others: readonly MicroTake[]): Promise<MicroTaken> {
    const otherNames = others.map(({ key }) => this.#nameOf(key))
    const takes = [first, ...others].flatMap(({ costMicros, capacityMicros }) => [
      String(costMicros),
      String(capacityMicros),
    ])
    const args = [...this.#timeArgs(), ...takes]
    return failingAs('store_write_failed', async () => {
      const names = [this.#nameOf(first.key), ...otherNames] as const
      const answer = list(await evalScript(this.#client, takeScript, names, args))
      const [passes, ...missingBefore] = answer.map(micros)
      return { passes: passes === 1, missingBefore }
    })
  }

  /**
   * Changes a bucket, and tells what was missing and what is.
   *
   * @throws GatewayError `store_write_failed`
   */
  async change(
    key: string,
    change: Change,
    givenMicros: number,
  ): Promise<{ before: number; now: number }> {
    const given = givenMicros === Infinity ? 'inf' : String(givenMicros)
    const args = [...this.#timeArgs(), change, given]
    return failingAs('store_write_failed', async () => {
      const answer = await evalScript(this.#client, changeScript, [this.#nameOf(key)], args)
      const [before, now] = list(answer)
      return { before: micros(before), now: micros(now) }
    })
  }

  #nameOf(key: string): string {
    return `${this.#prefix}:limit:${key}`
  }

  #timeArgs(): string[] {
    if (this.#clock === undefined) return ['', keptMs]
    return [String(Math.round(this.#clock.monotonicMs() * 1000)), keptByOtherClockMs]
  }
}

/** How much longer than needed a bucket is kept: enough for rounding, and for clocks that differ. */
const keptMs = '1000'

/** Redis forgets by its own clock, which may run on while another stands still. */
const keptByOtherClockMs = '3600000'

/** A number in an answer: a text where it is not whole, or where the client makes texts of all. */
function micros(value: unknown): number {
  const number = value === 'inf' ? Infinity : Number(value)
  if (number >= 0) return number
  throw new TypeError(`Redis answered with ${typeof value} where a number was expected`)
}
