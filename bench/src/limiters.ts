// Decisions a second of limiters in Redis, with 50 requests in flight in one process:
// `npm run bench:limiters`.
import { redisLimiter, type AnyRedisClient, type TokenBucketRedis } from '@lazu/redis'
import { startRedis } from '@lazu/testkit'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { median } from './statistics.js'

const rounds = 9
const decisionsPerRound = 10_000
const inFlight = 50
const keys = 1_000
const limit = { points: 1_000_000, duration: 60 }

type Decide = (key: string) => Promise<unknown>

const server = await startRedis()
const ioredis = new Redis(server.url)
const nodeRedis = await createClient({ url: server.url }).connect()
try {
  await compare('one rule', [
    ['rate-limiter-flexible, ioredis', byFlexible(ioredis, false)],
    ['@lazu/redis, ioredis', byOurs(ioredis)],
    ['rate-limiter-flexible, node-redis', byFlexible(nodeRedis, true)],
    ['@lazu/redis, node-redis', byOurs(nodeRedis)],
  ])
  await compare('three rules (a decision is about all of them)', [
    ['one rule, for comparison', byOurs(nodeRedis)],
    ['three rules in one takeAll', threeAtOnce(ours(nodeRedis, 'three-at-once'))],
    ['three times consume', threeTimes(ours(nodeRedis, 'three-times'))],
  ])
} finally {
  ioredis.disconnect()
  nodeRedis.destroy()
  await server.stop()
}

function ours(client: AnyRedisClient, keyPrefix: string): TokenBucketRedis {
  return redisLimiter(client, { ...limit, keyPrefix })
}

function byOurs(client: AnyRedisClient): Decide {
  const limiter = ours(client, 'one')
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

function threeAtOnce(limiter: TokenBucketRedis): Decide {
  return async (key) =>
    limiter.takeAll([
      { ...limit, key: `key:${key}`, cost: 1 },
      { ...limit, key: `account:${key}`, cost: 1 },
      { ...limit, key: `address:${key}`, cost: 1 },
    ])
}

function threeTimes(limiter: TokenBucketRedis): Decide {
  return async (key) =>
    Promise.all([
      limiter.consume(`key:${key}`),
      limiter.consume(`account:${key}`),
      limiter.consume(`address:${key}`),
    ])
}

/** Measures all of them in turn, and prints their medians. The first round only warms up. */
async function compare(title: string, runs: readonly [string, Decide][]): Promise<void> {
  const measured = new Map<string, number[]>(runs.map(([name]) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, decide] of runs) {
      const perSecond = await decisionsPerSecond(decide)
      if (round > 0) measured.get(name)?.push(perSecond)
    }
  }
  console.log(`Decisions a second, ${title}, ${inFlight} in flight`)
  console.log(`(medians of ${rounds} rounds of ${decisionsPerRound}, in turn):`)
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

async function decisionsPerSecond(decide: Decide): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < decisionsPerRound) await decide(`key_${next++ % keys}`)
    }),
  )
  return (decisionsPerRound * 1_000) / (performance.now() - startedMs)
}

function whole(figure: number): string {
  return figure.toFixed(0)
}
