import { z } from 'zod'
import type { Clock } from '../lib/clock.js'
import { durationMs as readDuration, type Duration } from '../lib/duration.js'
import { hasMethods } from '../lib/has-methods.js'
import { checkOptions } from '../lib/options.js'
import { checkPeppers } from './digest.js'
import type { KeyCacheSettings } from './key-cache.js'
import type { KeyStore } from './key-store.js'

/** How look-ups are remembered. */
export interface KeysCacheOptions {
  /** How many at most, a quarter of them for secrets nobody knew; 10,000 unless set. */
  readonly size?: number | undefined
  /**
   * How long a known key is taken as it was read, in milliseconds; 30,000 unless set. A change made
   * by another process is seen after this time, one made here at once.
   */
  readonly knownMs?: number | undefined
  /** How long an unknown key is refused without asking again, in ms; 10,000 unless set. */
  readonly unknownMs?: number | undefined
  /**
   * How long after it was read a known key still works while the store is away, in milliseconds;
   * 60,000 unless set. 0: only as long as `knownMs`.
   */
  readonly staleMs?: number | undefined
}

/** The options of `createKeys`. */
export interface KeysOptions {
  /** Where records are kept; in memory unless set. */
  readonly store?: KeyStore | undefined
  /**
   * What new keys begin with: 1 to 32 of A-Z a-z 0-9 _ -; `sk-lazu-` unless set. Keys made with
   * another one before, and those taken over from elsewhere, go on working.
   */
  readonly prefix?: string | undefined
  /**
   * Secrets of the server that go into every digest, 16 characters or more each: the current one
   * first, and the one before it while you are replacing it. Without any, digests are plain
   * SHA-256. Keys made under a pepper that is not given any more stop working.
   */
  readonly peppers?: readonly string[] | undefined
  readonly cache?: KeysCacheOptions | undefined
  /**
   * How long a look-up in the store is waited for; as long as the store says, else '50ms', unless
   * given.
   */
  readonly storeDeadline?: Duration | undefined
  readonly clock?: Clock | undefined
}

const durationError = 'Write whole milliseconds, 0 or more'
const durationMs = z.int({ error: durationError }).min(0, { error: durationError })
const sizeError = 'Write a whole number from 1 to 10000000'

const storeMethods = ['findByDigest', 'get', 'insert', 'replace', 'list']
const clockMethods = ['monotonicMs', 'wallMs', 'after']

const optionsSchema = z.strictObject({
  store: z
    .custom<KeyStore>(hasMethods(...storeMethods), {
      error: `Give a KeyStore: an object with ${storeMethods.join(', ')}`,
    })
    .optional(),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, { error: 'Write 1 to 32 of A-Z a-z 0-9 _ -' })
    .default('sk-lazu-'),
  // Checked apart: messages about options show what was given.
  peppers: z.unknown().optional(),
  cache: z
    .strictObject({
      size: z
        .int({ error: sizeError })
        .min(1, { error: sizeError })
        .max(10_000_000, { error: sizeError })
        .default(10_000),
      knownMs: durationMs.default(30_000),
      unknownMs: durationMs.default(10_000),
      staleMs: durationMs.default(60_000),
    })
    .prefault({}),
  storeDeadline: z.union([z.number(), z.string()]).optional(),
  clock: z
    .custom<Clock>(hasMethods(...clockMethods), {
      error: 'Give a Clock, or leave it out',
    })
    .optional(),
})

/** The options with everything that has a default filled in. */
export interface CheckedKeysOptions {
  readonly store?: KeyStore | undefined
  readonly prefix: string
  readonly peppers: readonly string[]
  readonly cache: KeyCacheSettings
  readonly storeDeadlineMs: number | undefined
  readonly clock?: Clock | undefined
}

/** @throws ConfigurationError for a mistake or an unknown option */
export function checkKeysOptions(options: KeysOptions): CheckedKeysOptions {
  const path = 'createKeys()'
  const { peppers = [], storeDeadline, ...checked } = checkOptions(optionsSchema, options, path)
  checkPeppers(peppers, `${path}.peppers`)
  const storeDeadlineMs =
    storeDeadline === undefined ? undefined : readDuration(storeDeadline, `${path}.storeDeadline`)
  return { ...checked, peppers, storeDeadlineMs }
}
