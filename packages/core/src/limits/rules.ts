import { hash } from 'node:crypto'
import type { Exchange } from '../exchange.js'
import type { ApiKey, KeyLimits } from '../keys/api-key.js'
import type { Clock } from '../lib/clock.js'
import { addressGroup } from '../net/address.js'
import { createBucketRate, type BucketRate } from './bucket-rate.js'
import { ConcurrencyMemory } from './concurrency.js'
import type { LimitBy, Limiter, LimitRule } from './limit-options.js'
import type { LimitUnit } from './rule.js'
import { TokenBucketMemory } from './token-bucket.js'

/** Named sets of limits. */
export type Tiers = Readonly<Record<string, KeyLimits>>

interface RuleFacts {
  readonly name: string
  readonly observe: boolean
  /** What the request is counted by; undefined when the rule does not apply to it. */
  keyOf(exchange: Exchange): string | undefined
}

interface StorableFacts extends RuleFacts {
  /** What the rule is called in a store; undefined when it counts in no store. */
  readonly storeName: string | undefined
}

/** Requests or tokens a minute, by a bucket in memory. */
export interface BucketRule extends StorableFacts {
  readonly unit: 'requests' | 'tokens'
  readonly bucket: TokenBucketMemory
  /** The rate for this request's key; undefined when there is no limit for it. */
  rateOf(exchange: Exchange): BucketRate | undefined
}

/** Requests in flight. */
export interface ConcurrencyRule extends StorableFacts {
  readonly counter: ConcurrencyMemory
  limitOf(exchange: Exchange): number | undefined
}

/** Requests, by somebody's own limiter, which must be waited for. */
export interface LimiterRule extends RuleFacts {
  readonly limiter: Limiter
  readonly limit: number
  /** What the limit is for, in seconds; 0 when it is for ever, or not known. */
  readonly windowSeconds: number
}

/** The rules that are decided together, by how they are. */
export interface PhaseRules {
  readonly buckets: readonly BucketRule[]
  readonly concurrency: readonly ConcurrencyRule[]
  readonly limiters: readonly LimiterRule[]
}

/** The rules of one gateway, by when they are decided. */
export interface RuleSet {
  readonly head: PhaseRules
  readonly body: PhaseRules
}

/**
 * Makes rules of options that were checked. There is always a rule by key for each unit, so that a
 * limit in a key's record counts even where the gateway has none of its own.
 */
export function createRuleSet(options: readonly LimitRule[], tiers: Tiers, clock: Clock): RuleSet {
  const concurrency: ConcurrencyRule[] = []
  const head = { buckets: new Array<BucketRule>(), limiters: new Array<LimiterRule>(), concurrency }
  const body = {
    buckets: new Array<BucketRule>(),
    limiters: new Array<LimiterRule>(),
    concurrency: [],
  }
  for (const rule of withDefaults(options)) {
    const facts = {
      observe: rule.mode === 'observe',
      keyOf: keyReader(rule.by ?? 'key'),
    }
    const early = rule.by === 'model' ? body : head
    const ownLimits = (rule.by ?? 'key') === 'key' && rule.mode !== 'observe' ? tiers : undefined
    if (rule.limiter instanceof TokenBucketMemory) {
      const { limiter: bucket } = rule
      const name = rule.name ?? 'rpm'
      early.buckets.push({
        ...facts,
        name,
        storeName: undefined,
        unit: 'requests',
        bucket,
        rateOf: () => bucket.rate,
      })
    } else if (rule.limiter !== undefined) {
      const { limiter } = rule
      const { points = 0, duration = 0 } = 'points' in limiter ? limiter : {}
      const name = rule.name ?? 'rpm'
      early.limiters.push({ ...facts, name, limiter, limit: points, windowSeconds: duration })
    }
    if (rule.rpm !== undefined || rule.defaults?.includes('rpm') === true) {
      const { rpm, burst, name = 'rpm' } = rule
      early.buckets.push({
        ...facts,
        name,
        storeName: storeName(name, 'requests', rule.by),
        unit: 'requests',
        bucket: bucketFor(rule, clock),
        rateOf: rateReader('rpm', rpm, burst, ownLimits),
      })
    }
    if (rule.tpm !== undefined || rule.defaults?.includes('tpm') === true) {
      const { name = 'tpm' } = rule
      body.buckets.push({
        ...facts,
        name,
        storeName: storeName(name, 'tokens', rule.by),
        unit: 'tokens',
        bucket: bucketFor(rule, clock),
        rateOf: rateReader('tpm', rule.tpm, undefined, ownLimits),
      })
    }
    if (rule.concurrency !== undefined || rule.defaults?.includes('concurrency') === true) {
      const { name = 'concurrency' } = rule
      concurrency.push({
        ...facts,
        name,
        storeName: storeName(name, 'concurrency', rule.by),
        counter: new ConcurrencyMemory(),
        limitOf: limitReader('concurrency', rule.concurrency, ownLimits),
      })
    }
  }
  return { head, body }
}

type Unit = keyof KeyLimits
type RuleOrDefaults = LimitRule & { readonly defaults?: readonly Unit[] }

/** Adds what no rule of the user's takes care of: limits that only keys and tiers may have. */
function withDefaults(options: readonly LimitRule[]): readonly RuleOrDefaults[] {
  const byKey = options.filter(isByKey)
  const units: readonly Unit[] = ['rpm', 'tpm', 'concurrency']
  const defaults = units.filter((unit) => byKey.every((rule) => rule[unit] === undefined))
  const rules: RuleOrDefaults[] = [...options]
  const index = rules.findIndex((rule) => isByKey(rule) && rule.limiter === undefined)
  const found = rules[index]
  if (found === undefined) rules.push({ defaults })
  else rules[index] = { ...found, defaults }
  return rules
}

function isByKey({ by = 'key', mode }: LimitRule): boolean {
  return by === 'key' && mode !== 'observe'
}

/** Without a colon in the rule's name, so that no other rule's name and key can read the same. */
function storeName(name: string, unit: LimitUnit, by: LimitBy = 'key'): string {
  const escaped = name.replaceAll('%', '%25').replaceAll(':', '%3A')
  return `${escaped}:${unit}:${typeof by === 'function' ? 'custom' : by}`
}

/** The buckets' own rate is never used: each take brings the key's. */
function bucketFor(rule: LimitRule, clock: Clock): TokenBucketMemory {
  return new TokenBucketMemory({ points: 1, maxKeys: rule.maxKeys, clock })
}

function keyReader(by: LimitBy): (exchange: Exchange) => string | undefined {
  switch (by) {
    case 'key':
      return (exchange) => exchange.key?.id ?? addressKey(exchange)
    case 'account':
      return (exchange) => exchange.key?.account ?? addressKey(exchange)
    case 'address':
      return addressKey
    case 'model':
      return (exchange) => exchange.model
    default:
      return (exchange) => bounded(by(exchange))
  }
}

/** The number of buckets is bounded, and so must be the length of what a stranger may be counted by. */
const longestKey = 256

function bounded(key: string | undefined): string | undefined {
  return key === undefined || key.length <= longestKey ? key : hash('sha256', key)
}

/** Callers whose address cannot be told share one bucket. */
function addressKey(exchange: Exchange): string {
  const { address } = exchange
  return address === undefined ? 'unknown' : addressGroup(address)
}

/** A limit: the key's own, its tier's, or the rule's. */
function limitReader(
  unit: keyof KeyLimits,
  limit: number | undefined,
  tiers: Tiers | undefined,
): (exchange: Exchange) => number | undefined {
  if (tiers === undefined) return () => limit
  return ({ key }) => (key === undefined ? limit : (ownLimit(key, unit, tiers) ?? limit))
}

function ownLimit(key: ApiKey, unit: keyof KeyLimits, tiers: Tiers): number | undefined {
  const own = key.limits?.[unit]
  if (own !== undefined || key.tier === undefined) return own
  const tier = Object.hasOwn(tiers, key.tier) ? tiers[key.tier] : undefined
  // Not "no limit": a typing mistake in a key's tier must not open the gate.
  if (tier === undefined) {
    throw new Error(`the key ${key.id} has the tier "${key.tier}", which is not among the tiers`)
  }
  return tier[unit]
}

function rateReader(
  unit: 'rpm' | 'tpm',
  limit: number | undefined,
  burst: number | undefined,
  tiers: Tiers | undefined,
): (exchange: Exchange) => BucketRate | undefined {
  const rate = limit === undefined ? undefined : createBucketRate(limit, burst)
  if (tiers === undefined) return () => rate
  // A key's record never changes, so its rate is worked out once for each record.
  const ofKeys = new WeakMap<ApiKey, BucketRate>()
  return ({ key }) => {
    if (key === undefined || (key.limits === undefined && key.tier === undefined)) return rate
    const known = ofKeys.get(key)
    if (known !== undefined) return known
    const own = ownLimit(key, unit, tiers)
    if (own === undefined) return rate
    const ownRate = createBucketRate(own)
    ofKeys.set(key, ownRate)
    return ownRate
  }
}
