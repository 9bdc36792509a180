import type { Exchange } from '../exchange.js'
import { ConfigurationError } from '../lib/configuration-error.js'
import { createBucketRate, type BucketRate } from './bucket-rate.js'
import type { BucketRule, ConcurrencyRule, PhaseRules, RuleSet } from './rules.js'

/** Rules that are counted in one place. */
export type CountedRules = Pick<PhaseRules, 'buckets' | 'concurrency'>

type Storable = BucketRule | ConcurrencyRule

/** The rules of a phase that a store counts. */
export function storedOf({ buckets, concurrency }: PhaseRules): CountedRules {
  return { buckets: buckets.filter(isStorable), concurrency: concurrency.filter(isStorable) }
}

/** The rules of a phase that are counted in memory though there is a store. */
export function unstoredOf({ buckets }: PhaseRules): CountedRules {
  return { buckets: buckets.filter((rule) => !isStorable(rule)), concurrency: [] }
}

function isStorable({ storeName }: Storable): boolean {
  return storeName !== undefined
}

/**
 * Checks that a store can tell the rules apart.
 *
 * @throws ConfigurationError for two that count the same under one name
 */
export function checkStoreNames({ head, body }: RuleSet, path: string): void {
  const seen = new Set<string>()
  for (const { name, storeName } of [...head.buckets, ...head.concurrency, ...body.buckets]) {
    if (storeName !== undefined && seen.has(storeName)) {
      throw new ConfigurationError(
        'LAZU_CONFIG_INVALID_OPTION',
        `${path}.limits`,
        `has two rules called ${JSON.stringify(name)} that count the same`,
        'Give each a name of its own: the store keeps them apart by it.',
      )
    }
    if (storeName !== undefined) seen.add(storeName)
  }
}

/** One process's part of the rules, counted in its memory. */
export function shareOf({ buckets, concurrency }: CountedRules, instances: number): CountedRules {
  return {
    buckets: buckets.map((rule) => ({ ...rule, rateOf: sharedRate(rule, instances) })),
    concurrency: concurrency.map((rule) => ({
      ...rule,
      limitOf(exchange) {
        const limit = rule.limitOf(exchange)
        return limit === undefined ? undefined : partOf(limit, instances)
      },
    })),
  }
}

function sharedRate(
  rule: BucketRule,
  instances: number,
): (exchange: Exchange) => BucketRate | undefined {
  const parts = new WeakMap<BucketRate, BucketRate>()
  return (exchange) => {
    const rate = rule.rateOf(exchange)
    if (rate === undefined) return undefined
    let part = parts.get(rate)
    if (part === undefined) {
      part = createBucketRate(partOf(rate.limit, instances), partOf(rate.capacity, instances))
      parts.set(rate, part)
    }
    return part
  }
}

/** One process's part of a limit: never nothing. */
export function partOf(whole: number, instances: number): number {
  return Math.max(1, Math.floor(whole / instances))
}
