import { z } from 'zod'
import { GatewayError } from '../errors/gateway-error.js'
import { ConfigurationError } from '../lib/configuration-error.js'
import { checkOptions } from '../lib/options.js'
import { buildNetworkSet } from '../net/network-set.js'
import type { ApiKey } from './api-key.js'
import { keyForm, maximumKeyLength, minimumKeyLength } from './format.js'

/** What may be set for a key; each is as in its record. */
export type KeySettings = Pick<
  ApiKey,
  'expiresAtMs' | 'models' | 'allow' | 'tier' | 'limits' | 'caps' | 'lane' | 'metadata'
>

/** A key to be made: who pays, what people call it, and its settings. */
export type NewKey = Pick<ApiKey, 'account' | 'name'> & KeySettings

/**
 * What to change of a key. What is left out (or undefined) stays as it is, `null` takes a setting
 * away. `limits`, `caps` and `metadata` are replaced as a whole.
 */
export type KeyChanges = { readonly name?: string | undefined } & {
  readonly [Setting in keyof KeySettings]?: KeySettings[Setting] | null
}

/** How a key is rotated. */
export interface Rotation {
  /** How long the old secret goes on working, in milliseconds; 0: not at all. */
  readonly graceMs: number
}

// A date before September 2001: somebody gave seconds.
const earliestMs = 1_000_000_000_000
const latestMs = 8_640_000_000_000_000
const longestGraceMs = 366 * 24 * 60 * 60 * 1000

// Control characters and halves of surrogate pairs do not survive every store and log.
const printable = /^[^\p{Cc}\p{Cs}]*$/u
const wellFormed = /^\P{Cs}*$/u

function text(maximum: number): z.ZodString {
  const error = `Write 1 to ${maximum} characters, no control characters`
  return z.string({ error }).min(1, { error }).max(maximum, { error }).regex(printable, { error })
}

const word = text(200)
const list = z
  .array(word, { error: 'Write a list' })
  .min(1, { error: 'Leave it out to allow everything' })
  .max(1000, { error: 'Write at most 1000 entries' })
const count = z.int({ error: 'Write a whole number' }).positive({ error: 'Write 1 or more' })

/** What is looked for: it may be any text that there can be. */
function soughtText(error: string): z.ZodString {
  return z.string({ error }).regex(wellFormed, { error })
}

const protoError = 'Give it another name: this one is lost wherever records are copied'

/**
 * JSON makes a field of it like any other, and a copy of the record would leave it out without a
 * word.
 */
const withoutProto = z.unknown().superRefine((metadata, context) => {
  if (typeof metadata !== 'object' || metadata === null) return
  const proto = Object.getOwnPropertyDescriptor(metadata, '__proto__')
  if (proto === undefined) return
  const input: unknown = proto.value
  context.addIssue({ code: 'custom', path: ['__proto__'], message: protoError, input })
})

const expiryError = 'Write milliseconds since 1970, not seconds, as Date.now() gives'
const settings = {
  expiresAtMs: z
    .int({ error: expiryError })
    .min(earliestMs, { error: expiryError })
    .max(latestMs, { error: expiryError }),
  models: list,
  allow: list,
  tier: word,
  limits: z.strictObject({
    rpm: count.optional(),
    tpm: count.optional(),
    concurrency: count.optional(),
  }),
  caps: z.strictObject({
    total: count.optional(),
    day: count.optional(),
    month: count.optional(),
  }),
  lane: word,
  metadata: withoutProto.pipe(
    z
      .record(word, z.string().max(2000, { error: 'Write at most 2000 characters' }))
      .refine((metadata) => Object.keys(metadata).length <= 100, {
        error: 'Write at most 100 entries',
      }),
  ),
}

const newKeySchema = z.strictObject({
  account: word,
  name: word,
  expiresAtMs: settings.expiresAtMs.optional(),
  models: settings.models.optional(),
  allow: settings.allow.optional(),
  tier: settings.tier.optional(),
  limits: settings.limits.optional(),
  caps: settings.caps.optional(),
  lane: settings.lane.optional(),
  metadata: settings.metadata.optional(),
})

const changesSchema = z.strictObject({
  name: word.optional(),
  expiresAtMs: settings.expiresAtMs.nullish(),
  models: settings.models.nullish(),
  allow: settings.allow.nullish(),
  tier: settings.tier.nullish(),
  limits: settings.limits.nullish(),
  caps: settings.caps.nullish(),
  lane: settings.lane.nullish(),
  metadata: settings.metadata.nullish(),
})

const graceError = 'Write milliseconds, 0 to a year'
const rotationSchema = z.strictObject({
  graceMs: z
    .int({ error: graceError })
    .min(0, { error: graceError })
    .max(longestGraceMs, { error: graceError }),
})

const pageError = 'Write 1 to 1000'
const pageSchema = z.strictObject({
  account: soughtText('Write the name of an account').optional(),
  after: soughtText('Write the id of a key').optional(),
  limit: z
    .int({ error: pageError })
    .min(1, { error: pageError })
    .max(1000, { error: pageError })
    .default(100),
})

/** @throws GatewayError that names the field */
export function checkNewKey(input: NewKey): NewKey {
  const checked = check(newKeySchema, input)
  checkNetworks(checked.allow)
  return checked
}

/** @throws GatewayError that names the field */
export function checkChanges(changes: KeyChanges): KeyChanges {
  const checked = check(changesSchema, changes)
  checkNetworks(checked.allow)
  return checked
}

/** @throws GatewayError that names the field */
export function checkRotation(rotation: Rotation): Rotation {
  return check(rotationSchema, rotation)
}

const idSchema = z.strictObject({ id: soughtText('Write the id of a key') })

/**
 * Checks the id of a key that is looked for.
 *
 * @throws GatewayError that names it
 */
export function checkKeyId(id: string): void {
  check(idSchema, { id })
}

/** @throws GatewayError that names the field */
export function checkPage(page: unknown): z.infer<typeof pageSchema> {
  return check(pageSchema, page)
}

/**
 * Checks a secret made elsewhere. No message shows any of it.
 *
 * @throws GatewayError
 */
export function checkImportedSecret(secret: string, prefix: string): void {
  if (typeof secret !== 'string' || secret.length < minimumKeyLength) {
    throw refusal('secret', `is not a string of ${minimumKeyLength} characters or more`)
  }
  if (keyForm(secret, prefix) !== 'malformed') return
  throw refusal(
    'secret',
    secret.startsWith(prefix)
      ? `begins like a key made here, with "${prefix}", but is none: look for a typing mistake`
      : `is not a string of up to ${maximumKeyLength} visible ASCII characters, or one of our keys with a typing mistake`,
  )
}

/** The key with the changes made. `changes` have been checked. */
export function withChanges(key: ApiKey, changes: KeyChanges): ApiKey {
  return {
    ...key,
    name: changes.name ?? key.name,
    expiresAtMs: changed(key.expiresAtMs, changes.expiresAtMs),
    models: changed(key.models, changes.models),
    allow: changed(key.allow, changes.allow),
    tier: changed(key.tier, changes.tier),
    limits: changed(key.limits, changes.limits),
    caps: changed(key.caps, changes.caps),
    lane: changed(key.lane, changes.lane),
    metadata: changed(key.metadata, changes.metadata),
  }
}

function changed<T>(current: T | undefined, change: T | null | undefined): T | undefined {
  return change === undefined ? current : (change ?? undefined)
}

function check<T>(schema: z.ZodType<T>, input: unknown): T {
  return asRefusal(() => checkOptions(schema, input, root))
}

function checkNetworks(allow: readonly string[] | null | undefined): void {
  if (allow === undefined || allow === null) return
  asRefusal(() => buildNetworkSet(allow, `${root}.allow`, networkPolicy))
}

const root = 'key'

const networkPolicy = {
  everybody: { allowed: false, mend: 'Leave it out to allow every address.' },
  mendEmpty: 'Leave it out to allow every address.',
}

/**
 * A mistake in a key is made while the server runs, in a request to an administration route for
 * instance: it becomes an error that is answered with the field's name. Its cause has a stack.
 */
function asRefusal<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const param = error.path.slice(root.length + 1)
    throw new GatewayError(conditionOf(error), {
      message: error.message.slice(error.code.length + 2),
      param: param === '' ? undefined : param,
      cause: error,
    })
  }
}

function conditionOf(
  error: ConfigurationError,
): 'parameter_invalid' | 'parameter_missing' | 'value_invalid' {
  if (error.code === 'LAZU_CONFIG_UNKNOWN_OPTION') return 'parameter_invalid'
  return error.code === 'LAZU_CONFIG_MISSING_OPTION' ? 'parameter_missing' : 'value_invalid'
}

function refusal(param: string, problem: string): GatewayError {
  return new GatewayError('value_invalid', { param, message: `The ${param} ${problem}.` })
}
