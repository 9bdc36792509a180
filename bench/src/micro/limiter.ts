import { TokenBucketMemory } from '@lazu/core'
import { MemoryStore, rateLimit } from 'express-rate-limit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { inTurn, type Group } from './group.js'

/** A decision that lets pass, of buckets that are in use or full again, and one that refuses. */
export function limiterGroups(): readonly Group[] {
  return [
    {
      title: 'a limiter lets pass',
      limitNs: 120,
      contenders: contenders(60, 1_000_000_000),
    },
    {
      title: 'a limiter lets pass, and the last time is long ago',
      limitNs: 120,
      contenders: contenders(60_000_000, 60_000_000),
    },
    {
      title: 'a limiter refuses',
      limitNs: 120,
      contenders: contenders(1, 1),
    },
  ]
}

/** @param capacity how many pass at once, where a limiter tells this from the rate */
function contenders(perMinute: number, capacity: number): Group['contenders'] {
  const key = inTurn((index) => `key_${String(index).padStart(26, '0')}`)
  const bucket = new TokenBucketMemory({ points: perMinute, burst: capacity })
  const flexible = new RateLimiterMemory({ points: capacity, duration: 60 })
  const store = new MemoryStore()
  // It is set up by the middleware only.
  rateLimit({ windowMs: 60_000, limit: capacity, store, validate: false })
  const byHand = new HandWrittenBucket(perMinute, capacity)
  return [
    {
      name: 'TokenBucketMemory, take()',
      role: 'lazu',
      call: () => bucket.take(key(), 1, performance.now()),
    },
    { name: 'hand-written', role: 'minimum', call: () => byHand.take(key(), performance.now()) },
    {
      name: 'rate-limiter-flexible, RateLimiterMemory',
      role: 'package',
      // Refusals are rejections.
      call: () => flexible.consume(key()).catch((refused: unknown) => refused),
    },
    {
      name: 'express-rate-limit, MemoryStore',
      role: 'package',
      call: () => store.increment(key()),
    },
  ]
}

/** A count and a time for each key, and nothing that is ever let go. */
class HandWrittenBucket {
  readonly #states = new Map<string, { tokens: number; filledMs: number }>()
  readonly #capacity: number
  readonly #perMs: number

  constructor(perMinute: number, capacity: number) {
    this.#capacity = capacity
    this.#perMs = perMinute / 60_000
  }

  take(key: string, nowMs: number): number {
    const state = this.#states.get(key)
    if (state === undefined) {
      this.#states.set(key, { tokens: this.#capacity - 1, filledMs: nowMs })
      return 0
    }
    const passedMs = nowMs - state.filledMs
    const tokens = Math.min(this.#capacity, state.tokens + passedMs * this.#perMs)
    state.filledMs = nowMs
    state.tokens = tokens >= 1 ? tokens - 1 : tokens
    return tokens >= 1 ? 0 : (1 - tokens) / this.#perMs
  }
}
