import { checkOptions, hasMethods, type Clock } from '@lazu/core'
import { z } from 'zod'
import { clientOf, type AnyRedisClient } from './clients/client-of.js'
import { KeyNames } from './key-names.js'
import { prefixSchema } from './prefix-schema.js'
import { RedisLedger } from './redis-ledger.js'
import type { DurableLedger } from './steps.js'

/** What a ledger in Redis can be told. */
export interface RedisLedgerOptions {
  /**
   * What the names of all keys begin with; `'lazu'` unless given. Ledgers with different prefixes on
   * one Redis know nothing of each other.
   */
  readonly prefix?: string | undefined
  /**
   * A ledger that outlives Redis, and that the journal is drained into. Credits go there first, and
   * balances are loaded from there when Redis has forgotten them. All processes must have the same.
   */
  readonly durable?: DurableLedger | undefined
  /**
   * Whether every movement is appended to the journal, where it stays until it is drained. Unless
   * given, there is one when there is a durable ledger.
   */
  readonly journal?: boolean | undefined
  /** The time, for tests. Otherwise it is Redis's. */
  readonly clock?: Clock | undefined
}

const schema = z.strictObject({
  prefix: prefixSchema.optional(),
  durable: z
    .custom<DurableLedger>(hasMethods('balance', 'credit'), 'Give a ledger, or leave it out')
    .optional(),
  journal: z.boolean({ error: 'Write true or false' }).optional(),
  clock: z
    .custom<Clock>(hasMethods('monotonicMs', 'wallMs', 'after'), 'Give a Clock, or leave it out')
    .optional(),
})

/**
 * A ledger in Redis or Valkey. The client's connection, and how it is made again, are up to you.
 *
 * With the first step it looks at the servers. A Redis before 6.2 fails that step and all others with
 * a ConfigurationError; a `maxmemory-policy` other than `noeviction` is a warning of the process with
 * the code `LAZU_REDIS_EVICTION`, and one that cannot be read `LAZU_REDIS_EVICTION_UNKNOWN`.
 *
 * @param client a client or a cluster of node-redis 6, ioredis 6 or iovalkey
 * @throws ConfigurationError for a mistake in the options, and for what is no client
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://localhost' }).connect()
 * const ledger = redisLedger(client)
 * const gateway = lazu({ keys, ledger, prices })
 * ```
 */
export function redisLedger(client: AnyRedisClient, options: RedisLedgerOptions = {}): RedisLedger {
  const checked = checkOptions<RedisLedgerOptions>(schema, options, 'redisLedger()')
  const { prefix = 'lazu', durable, journal, clock } = checked
  return new RedisLedger({
    client: clientOf(client, 'redisLedger(client)'),
    names: new KeyNames(prefix),
    durable,
    hasJournal: journal ?? durable !== undefined,
    clock,
  })
}
