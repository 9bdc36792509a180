import type {
  BucketChange,
  BucketRate,
  HeldPlace,
  LimitAnswer,
  LimitAsk,
  LimitStore,
} from '@lazu/core'
import { leaseMs } from '../scripts/limit-scripts.js'
import type { LimitCommands, Names } from './limit-commands.js'
import { Collector } from './collector.js'
import { collectTakes, type Take, type TakeAnswer } from './takes.js'

/** How many places one script is about: a long script holds up everybody. */
const mostPlaces = 500

/**
 * The limits of any number of processes in Redis or Valkey. Whatever one request needs is one script,
 * so that a decision is exact whoever else decides at the same time. Time is the server's. All names
 * share one slot of a cluster.
 *
 * Every method rejects with a GatewayError `store_write_failed` when Redis cannot be asked. One that
 * was given up may run later all the same.
 */
export class RedisLimitStore implements LimitStore {
  readonly leaseMs: number = leaseMs
  readonly #commands: LimitCommands
  readonly #takes: Collector<Take, TakeAnswer>
  readonly #frees: Collector<readonly HeldPlace[], true>
  readonly #prefix: string
  readonly #rates = new WeakMap<BucketRate, WrittenRate>()

  /** Made by `redisLimits`. */
  constructor(commands: LimitCommands, prefix: string) {
    this.#commands = commands
    this.#takes = collectTakes(commands)
    // Collected as takes are, so that none comes before the take it gives back.
    this.#frees = new Collector({
      send: (places) => this.#free(places),
      sizeOf: (places) => places.length,
      most: mostPlaces,
    })
    this.#prefix = `{${prefix}:limits}:`
  }

  async take(asks: readonly LimitAsk[]): Promise<LimitAnswer> {
    const names: string[] = []
    const args: string[] = []
    let letters = ''
    let fillMs = 0
    for (const ask of asks) {
      names.push(this.#prefix + ask.name)
      if (ask.kind === 'place') {
        letters += ask.observe ? 'P' : 'p'
        args.push(ask.id, String(ask.limit))
      } else {
        letters += ask.observe ? 'B' : 'b'
        const rate = this.#written(ask.rate)
        args.push(rate.costOf(ask.cost), rate.capacity)
        if (rate.fillMs > fillMs) fillMs = rate.fillMs
      }
    }
    if (!isNotEmpty(names)) return { passes: true, before: [] }
    const [passes, ...before] = await this.#takes.add({ names, letters, args, fillMs })
    for (const [index, ask] of asks.entries()) {
      if (ask.kind === 'bucket') before[index] = (before[index] ?? 0) / 1_000
    }
    return { passes: passes === 1, before }
  }

  async adjust(changes: readonly BucketChange[]): Promise<void> {
    const names = changes.map(({ name }) => this.#prefix + name)
    const args = changes.flatMap(({ delta, rate }) => {
      const written = this.#written(rate)
      return [written.costOf(delta), written.capacity]
    })
    if (isNotEmpty(names)) await this.#commands.change(names, 'add', args)
  }

  async hold(places: readonly HeldPlace[]): Promise<void> {
    for (let from = 0; from < places.length; from += mostPlaces) {
      const some = places.slice(from, from + mostPlaces)
      const names = some.map(({ name }) => this.#prefix + name)
      const ids = some.map(({ id }) => id)
      if (isNotEmpty(names)) await this.#commands.hold(names, ids)
    }
  }

  async free(places: readonly HeldPlace[]): Promise<void> {
    const frees: Promise<true>[] = []
    for (let from = 0; from < places.length; from += mostPlaces) {
      frees.push(this.#frees.add(places.slice(from, from + mostPlaces)))
    }
    await Promise.all(frees)
  }

  async #free(lists: readonly (readonly HeldPlace[])[]): Promise<readonly true[]> {
    const places = lists.flat()
    const names = places.map(({ name }) => this.#prefix + name)
    const ids = places.map(({ id }) => id)
    if (isNotEmpty(names)) await this.#commands.free(names, ids)
    return lists.map(() => true)
  }

  /** A rate as the scripts have it, written down once. */
  #written(rate: BucketRate): WrittenRate {
    let written = this.#rates.get(rate)
    if (written === undefined) {
      written = new WrittenRate(rate)
      this.#rates.set(rate, written)
    }
    return written
  }
}

/** A rate in microseconds, as text. */
class WrittenRate {
  readonly capacity: string
  readonly fillMs: number
  readonly #microsPerToken: number
  readonly #one: string

  constructor({ capacity, msPerToken }: BucketRate) {
    this.#microsPerToken = msPerToken * 1_000
    // Always in this order, so that no cost up to the capacity is rounded to more than it.
    this.capacity = String(capacity * this.#microsPerToken)
    this.fillMs = capacity * msPerToken
    this.#one = String(this.#microsPerToken)
  }

  /** How long so many tokens take to flow in. */
  costOf(tokens: number): string {
    return tokens === 1 ? this.#one : String(tokens * this.#microsPerToken)
  }
}

function isNotEmpty(names: readonly string[]): names is Names {
  return names.length > 0
}
