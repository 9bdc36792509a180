// Decisions a second of limits in Redis, with 50 requests in flight in one process, and what several
// rules cost beside one, with as many in flight and one by one: `npm run bench:limiters`.
import { createBucketRate, type LimitAsk, type LimitStore } from '@lazu/core'
import { redisLimiter, redisLimits, type AnyRedisClient } from '@lazu/redis'
import { startRedis } from '@lazu/testkit'
import { rateLimit } from 'express-rate-limit'
import { Redis } from 'ioredis'
import { RedisStore, type RedisReply } from 'rate-limit-redis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { median } from './statistics.js'

const rounds = 9
const manyAtOnce: Load = { inFlight: 50, decisions: 10_000 }
const oneByOne: Load = { inFlight: 1, decisions: 2_000 }
const keys = 1_000
const limit = { points: 1_000_000, duration: 60 }
const rate = createBucketRate(1_000_000)

interface Load {
  readonly inFlight: number
  /** In a round. */
  readonly decisions: number
}

type Decide = (key: string) => Promise<unknown>
/** What a request asks for, by its key. */
type AsksOf = (key: string, place: string) => readonly LimitAsk[]

const server = await startRedis()
const ioredis = new Redis(server.url)
const nodeRedis = await createClient({ url: server.url }).connect()
try {
  await compare('one rule, ioredis', manyAtOnce, [
    ['rate-limiter-flexible', byFlexible(ioredis, false)],
    ['rate-limit-redis', byRateLimitRedis(([command = '', ...rest]) => callIoredis(command, rest))],
    ['redisLimiter()', byLimiter(ioredis)],
    ['redisLimits()', byLimits(ioredis, oneRule)],
  ])
  await compare('one rule, node-redis', manyAtOnce, [
    ['rate-limiter-flexible', byFlexible(nodeRedis, true)],
    ['rate-limit-redis', byRateLimitRedis((command) => nodeRedis.sendCommand(command))],
    ['redisLimiter()', byLimiter(nodeRedis)],
    ['redisLimits()', byLimits(nodeRedis, oneRule)],
  ])
  for (const [name, client] of [
    ['ioredis', ioredis] as const,
    ['node-redis', nodeRedis] as const,
  ]) {
    for (const load of [oneByOne, manyAtOnce]) {
      await compare(`several rules, ${name} (a decision is about all of them)`, load, [
        ['one', byLimits(client, oneRule)],
        ['three', byLimits(client, threeRules)],
        ['two, and a place that is freed', byLimits(client, twoRulesAndPlace)],
      ])
    }
  }
} finally {
  ioredis.disconnect()
  nodeRedis.destroy()
  await server.stop()
}

function byLimiter(client: AnyRedisClient): Decide {
  const limiter = redisLimiter(client, { ...limit, keyPrefix: 'one' })
  return async (key) => limiter.consume(key)
}

function byFlexible(storeClient: unknown, useRedisPackage: boolean): Decide {
  const limiter = new RateLimiterRedis({
    storeClient,
    useRedisPackage,
    ...limit,
    keyPrefix: 'flexible',
  })
  return async (key) => limiter.consume(key)
}

function byRateLimitRedis(send: (command: string[]) => Promise<RedisReply>): Decide {
  const store = new RedisStore({ sendCommand: (...command: string[]) => send(command) })
  // Which tells the store its window.
  rateLimit({ store, windowMs: limit.duration * 1_000, limit: limit.points })
  return async (key) => store.increment(key)
}

async function callIoredis(command: string, args: string[]): Promise<RedisReply> {
  const reply: unknown = await ioredis.call(command, ...args)
  if (isReply(reply)) return reply
  throw new TypeError('Redis answered with something else')
}

function isReply(reply: unknown): reply is RedisReply {
  return typeof reply === 'string' || typeof reply === 'number' || Array.isArray(reply)
}

function byLimits(client: AnyRedisClient, asksOf: AsksOf): Decide {
  const store: LimitStore = redisLimits(client)
  let places = 0
  return async (key) => {
    const asks = asksOf(key, `place_${places++}`)
    const answer = await store.take(asks)
    // The last are under way when the clients are closed.
    for (const ask of asks) if (ask.kind === 'place') store.free([ask]).catch(() => undefined)
    return answer
  }
}

function bucket(name: string): LimitAsk {
  return { kind: 'bucket', name, cost: 1, rate, observe: false }
}

function oneRule(key: string): readonly LimitAsk[] {
  return [bucket(`rpm:requests:key:${key}`)]
}

function threeRules(key: string): readonly LimitAsk[] {
  return [
    bucket(`rpm:requests:key:${key}`),
    bucket(`account:requests:account:${key}`),
    bucket(`address:requests:address:${key}`),
  ]
}

function twoRulesAndPlace(key: string, id: string): readonly LimitAsk[] {
  const name = `concurrency:concurrency:key:${key}`
  return [
    bucket(`rpm:requests:key:${key}`),
    bucket(`account:requests:account:${key}`),
    { kind: 'place', name, id, limit: 100, observe: false },
  ]
}

/** Measures all of them in turn, and prints their medians. The first round only warms up. */
async function compare(
  title: string,
  load: Load,
  runs: readonly [string, Decide][],
): Promise<void> {
  const measured = new Map<string, number[]>(runs.map(([name]) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, decide] of runs) {
      const perSecond = await decisionsPerSecond(decide, load)
      if (round > 0) measured.get(name)?.push(perSecond)
    }
  }
  console.log(`Decisions a second, ${title}, ${load.inFlight} in flight`)
  console.log(`(medians of ${rounds} rounds of ${load.decisions}, in turn):`)
  const [first = []] = measured.values()
  for (const [name, figures] of measured) {
    const spread = `${whole(Math.min(...figures))} to ${whole(Math.max(...figures))}`
    const times = (median(figures) / median(first)).toFixed(2)
    console.log(
      `  ${name.padEnd(34)} ${whole(median(figures)).padStart(7)}  (${spread}), ` +
        `${times} times the first`,
    )
  }
}

async function decisionsPerSecond(decide: Decide, { inFlight, decisions }: Load): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < decisions) await decide(`key_${next++ % keys}`)
    }),
  )
  return (decisions * 1_000) / (performance.now() - startedMs)
}

function whole(figure: number): string {
  return figure.toFixed(0)
}
