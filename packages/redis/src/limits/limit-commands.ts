import type { Clock } from '@lazu/core'
import { list } from '../answer.js'
import type { RedisClient } from '../clients/redis-client.js'
import { failingAs } from '../failures.js'
import {
  changeScript,
  freeScript,
  holdScript,
  leaseMs,
  takeScript,
} from '../scripts/limit-scripts.js'
import { evalScript, type Script } from '../scripts/script.js'

/** Names in Redis; those of one call share a slot. */
export type Names = readonly [string, ...string[]]

/** How {@link LimitCommands.change} changes what is missing from a bucket. */
export type Change = 'add' | 'exactly' | 'least'

/** The steps of limits in Redis, by their names and in microseconds. */
export class LimitCommands {
  readonly #client: RedisClient
  readonly #clock: Clock | undefined

  /** @param clock the time, for tests; Redis's own unless given */
  constructor(client: RedisClient, clock: Clock | undefined) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * Takes for some requests: for each from all its names, or from none.
   *
   * @param fillMs how long the slowest of the buckets takes to fill
   * @param letters what each name is, as the script has it
   * @param args two for each name
   * @returns for each request 1 or 0, whether all was taken; and for each of its names what was missing
   *   before, in microseconds, or how many places were held
   * @throws GatewayError `store_write_failed`
   */
  async take(
    names: Names,
    fillMs: number,
    letters: string,
    args: readonly string[],
  ): Promise<readonly number[]> {
    const keptMs = letters === 'b' ? fillMs : Math.max(fillMs, leaseMs)
    return failingAs('store_write_failed', async () => {
      const answer = await this.#run(takeScript, names, keptMs, [letters, ...args])
      return list(answer).map(number)
    })
  }

  /**
   * Changes buckets, and tells what was missing from the first and what is.
   *
   * @param args two for each name: by how much, and what the bucket holds
   * @throws GatewayError `store_write_failed`
   */
  async change(
    names: Names,
    change: Change,
    args: readonly string[],
  ): Promise<{ before: number; now: number }> {
    return failingAs('store_write_failed', async () => {
      const [before, now] = list(await this.#run(changeScript, names, 0, [change, ...args]))
      return { before: number(before), now: number(now) }
    })
  }

  /** Holds places for a lease from now on. */
  async hold(names: Names, ids: readonly string[]): Promise<void> {
    await failingAs('store_write_failed', () => this.#run(holdScript, names, leaseMs, ids))
  }

  /** Gives places back. */
  async free(names: Names, ids: readonly string[]): Promise<void> {
    await failingAs('store_write_failed', () => evalScript(this.#client, freeScript, names, ids))
  }

  #run(script: Script, names: Names, neededMs: number, args: readonly string[]): Promise<unknown> {
    const clock = this.#clock
    const now = clock === undefined ? '' : String(Math.round(clock.monotonicMs() * 1_000))
    const keptMs = Math.ceil(neededMs) + (clock === undefined ? longerMs : longerByOtherClockMs)
    return evalScript(this.#client, script, names, [now, String(keptMs), ...args])
  }
}

/** How much longer than needed names are kept: enough for rounding, and for clocks that differ. */
const longerMs = 1_000

/** Redis forgets by its own clock, which may run on while another stands still. */
const longerByOtherClockMs = 3_600_000

/** A number in an answer: a text where it is not whole, or where the client makes texts of all. */
function number(value: unknown): number {
  const found = value === 'inf' ? Infinity : Number(value)
  if (found >= 0) return found
  throw new TypeError(`Redis answered with ${typeof value} where a number was expected`)
}
